// What a page in TypeScript may say to the script, and what the compiler must refuse.
window.zap = window.zap || [];
window.zap.push(["track", "early", { n: 1 }], ["identify", 7], ["reset"]);

zap.track("buy");
zap.track("buy", { sku: "a", price: 1.5, sizes: [1, null], gift: { wrap: true } });
zap.identify("u1", { plan: "gold" });
zap.identify(17);
zap.reset();
zap.visitor({ anonymous_id: "a", token: "t", expires: 1 });

async function ask(): Promise<number> {
  const found = await zap.predict("shop", { explain: 3 });
  const first: number | undefined = found?.reasons?.[0]?.change;
  // @ts-expect-error: it may be null
  found.probability;
  return first ?? found?.probability ?? 0;
}
ask().catch((error: Zap.PredictionError) => error.code === "origin");

// @ts-expect-error: a type is a text
zap.track(1);
// @ts-expect-error: properties are an object
zap.track("buy", "shoes");
// @ts-expect-error: a function is nothing that can be sent
zap.track("buy", { sku: () => 1 });
// @ts-expect-error: somebody is identified
zap.identify();
// @ts-expect-error: a visitor has a token
zap.visitor({ anonymous_id: "a", expires: 1 });
// @ts-expect-error: an application is named
zap.predict();
// @ts-expect-error: there is no such call
zap.page();
// @ts-expect-error: a prediction has to be waited for
zap.push(["predict", "shop"]);
// @ts-expect-error: a call has the arguments of its function
zap.push(["track"]);
