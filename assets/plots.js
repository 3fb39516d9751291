// Plots are drawn by Plotly's basic bundle, which is fetched when the first one is there. Each is drawn anew in its
// place; what was switched off in a legend stays so, by the figure's `uirevision`.
window.diffdemoPlots = (() => {
  const SOURCE = "plotly/basic-4.1.1.min.js";
  const TIMES = 1.5;
  const CONFIG = { displayModeBar: false };
  const watching = new ResizeObserver((entries) => {
    for (const { target } of entries) if (target.offsetParent && target.layout) window.Plotly.Plots.resize(target);
  });
  const drawn = new Set();
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

  async function draw(place, words) {
    place.wanted = words;
    await library();
    if (place.wanted !== words) return; // There is another one by now.
    const { data, layout } = words ? JSON.parse(words) : { data: [], layout: {} };
    if (document.documentElement.classList.contains("big")) enlarge(layout);
    await window.Plotly.react(place, data, { ...layout, autosize: true }, CONFIG);
    watching.observe(place);
    drawn.add(place);
    document.dispatchEvent(new CustomEvent("plotted", { detail: place }));
  }

  document.addEventListener("text-size", () => {
    for (const place of drawn) if (place.isConnected) draw(place, place.wanted);
  });
  return { draw };
})();
