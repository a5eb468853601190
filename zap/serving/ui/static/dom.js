// Elements from plain calls, and one tree changed into another.
//
// Text only ever becomes text: nothing here, and nothing else on the page, turns a
// string into markup. `morph` changes only what differs, so an update does not
// flicker, lose the focus or close what a reader has opened.

const SVG = "http://www.w3.org/2000/svg";
const SHAPES = new Set(
  "svg g path line rect circle text tspan title desc polyline".split(" "),
);
const READERS_OWN = new Set(["open"]);

export function h(name, attributes, ...children) {
  return made(document.createElement(name), attributes, children);
}

export function s(name, attributes, ...children) {
  if (!SHAPES.has(name)) throw new Error(`no shape: ${name}`);
  return made(document.createElementNS(SVG, name), attributes, children);
}

function made(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

export function morph(old, wanted) {
  if (!alike(old, wanted)) {
    old.replaceWith(wanted);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  sameAttributes(old, wanted);
  const children = [...wanted.childNodes];
  while (old.childNodes.length > children.length) old.lastChild.remove();
  children.forEach((child, place) => {
    if (place < old.childNodes.length) morph(old.childNodes[place], child);
    else old.append(child);
  });
}

function alike(a, b) {
  return (
    a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id ?? "") === (b.id ?? "")
  );
}

function sameAttributes(old, wanted) {
  for (const name of old.getAttributeNames()) {
    if (!wanted.hasAttribute(name) && !READERS_OWN.has(name)) old.removeAttribute(name);
  }
  for (const name of wanted.getAttributeNames()) {
    const value = wanted.getAttribute(name);
    if (!READERS_OWN.has(name) && old.getAttribute(name) !== value) {
      old.setAttribute(name, value);
    }
  }
}
