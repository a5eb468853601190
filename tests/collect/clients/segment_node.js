// Posts calls with @segment/analytics-node, and prints what it says of each.
const { Analytics } = require("@segment/analytics-node");

const { host, writeKey, calls, paceMs = 0, ...options } = JSON.parse(process.argv[2]);
const analytics = new Analytics({ host, writeKey, flushInterval: 100, ...options });
const delivered = [], failed = [];

function told(error, context) {
  const event = context.event;
  if (error || context.failedDelivery()) failed.push(event);
  else delivered.push(event);
}

(async () => {
  for (const [call, fields] of calls) {
    analytics[call](fields, told);
    if (paceMs) await new Promise((resolve) => setTimeout(resolve, paceMs));
  }
  await analytics.closeAndFlush({ timeout: 100_000 });
  console.log(JSON.stringify({ delivered, failed }));
})();
