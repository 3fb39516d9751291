// Plots are drawn by Plotly's basic bundle, which is fetched when the first one is there. Each is drawn anew in its
// place; what was switched off in a legend stays so, by the figure's `uirevision`.
window.diffdemoPlots = (() => {
  const SOURCE = "plotly/basic-4.1.1.min.js";
  const TIMES = 1.5;
  const CONFIG = { displayModeBar: false };
  const places = new Set();
  const watching = new ResizeObserver((entries) => entries.forEach(({ target }) => paint(target)));
  let fetched = null;

  const loaded = () => new Promise((done) => (document.readyState === "complete" ? done() : window.addEventListener("load", done)));

  // After the page has all that is seen first.
  const library = () => (fetched ??= loaded().then(() => new Promise((done, fail) => {
    document.head.append(Object.assign(document.createElement("script"), { src: SOURCE, onload: done, onerror: fail }));
  })));

  // As large as the rest of the page in big text; see big.css.
  function enlarge(layout) {
    for (const { font } of [layout, layout.legend, ...(layout.annotations ?? [])].filter((each) => each?.font)) font.size *= TIMES;
    for (const side in layout.margin) layout.margin[side] *= TIMES;
    layout.height *= TIMES;
  }

  // What is hidden, or squeezed while a page is laid out, is drawn when there is room: Plotly cannot draw into nothing.
  async function paint(place) {
    await library();
    const width = place.offsetWidth;
    if (!width || !place.wanted || (place.painted === place.wanted && place.layout?.width === width)) return;
    const { data, layout } = JSON.parse(place.wanted);
    if (document.documentElement.classList.contains("big")) enlarge(layout);
    if (width <= layout.margin.l + layout.margin.r) return;
    place.painted = place.wanted;
    await window.Plotly.react(place, data, { ...layout, width }, CONFIG);
    document.dispatchEvent(new CustomEvent("plotted", { detail: place }));
  }

  function draw(place, words) {
    place.wanted = words;
    places.add(place);
    watching.observe(place);
    paint(place);
  }

  document.addEventListener("text-size", () => {
    for (const place of places) {
      place.painted = null;
      if (place.isConnected) paint(place);
    }
  });
  return { draw };
})();
