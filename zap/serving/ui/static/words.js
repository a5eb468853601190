// Numbers and times as people read them. All times are UTC.

const NONE = "–";

export function count(value) {
  return value === null || value === undefined ? NONE : value.toLocaleString("en-US");
}

export function probability(value) {
  return value === null || value === undefined ? NONE : value.toFixed(4);
}

export function percent(share, digits = 1) {
  if (share === null || share === undefined) return NONE;
  return `${(100 * share).toFixed(digits)} %`;
}

// An amount, with as many digits as say something.
export function amount(value) {
  if (value === null || value === undefined) return NONE;
  const size = Math.abs(value);
  return size >= 1000 ? value.toLocaleString("en-US", { maximumFractionDigits: 0 })
    : value.toFixed(size >= 100 ? 1 : size >= 1 ? 2 : 4);
}

export function milliseconds(value) {
  if (value === null || value === undefined) return NONE;
  if (value >= 1000) return `${(value / 1000).toFixed(2)} s`;
  return `${value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)} ms`;
}

// "2026-03-01 12:30:05", from microseconds or ISO 8601; else the text itself.
export function instant(value) {
  const date = typeof value === "number" ? new Date(value / 1000) : new Date(value);
  if (Number.isNaN(date.getTime())) return String(value);
  return date.toISOString().slice(0, 19).replace("T", " ");
}

// The same without seconds.
export function minute(value) {
  return instant(value).slice(0, 16);
}

export function clock(us) {
  return instant(us).slice(11);
}

export function span(us) {
  const seconds = Math.max(0, Math.round(us / 1e6));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
}

// A prediction: one number, or of classes all, the names before them if known.
export function prediction(value, training) {
  if (Array.isArray(value)) {
    const names = training?.names ?? [];
    return value.map((p, i) => (names[i] ? `${names[i]} ` : "") + probability(p)).join(", ");
  }
  return training?.kind === "amount" ? amount(value) : probability(value);
}
