// The plot of rate and distortion is a control: whoever clicks or drags on it moves the slider that says the same.
// A slider can do all of this with the keyboard, so nothing here needs to be reached by keys.
(() => {
  const TIMES = { png: { scale: 2 }, svg: { scale: 1 } };
  let dragged = null;

  const graph = () => document.querySelector("#plot .js-plotly-plot");
  // Plotly's own rectangle over the area between the axes.
  const area = () => graph()?.querySelector(".nsewdrag")?.getBoundingClientRect();

  const isInside = (event, box) =>
    event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;

  // The rate below the pointer, in bytes and in bits per pixel.
  function rateAt(event, box) {
    const { xaxis, meta } = graph().layout;
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const place = xaxis.range[0] + share * (xaxis.range[1] - xaxis.range[0]);
    const rate = xaxis.type === "log" ? 10 ** place : place;
    const bytes = meta.across === "bytes" ? rate : (rate * meta.pixels) / 8;
    return { bytes, bpp: (8 * bytes) / meta.pixels };
  }

  // A DiffC file can be cut anywhere. For anything else the rate is that of the next encode.
  function target() {
    const used = document.querySelector('#used input[type="range"]');
    if (used && !used.disabled && used.offsetParent) return { slider: used, unit: "bytes" };
    return { slider: document.querySelector('#bpp input[type="range"]'), unit: "bpp" };
  }

  function move(event) {
    const box = area();
    if (!box) return;
    const { slider, unit } = dragged;
    const before = slider.value;
    slider.value = rateAt(event, box)[unit]; // The slider keeps to its ends and its steps.
    if (slider.value !== before) slider.dispatchEvent(new Event("input", { bubbles: true }));
    mark(box, event, unit === "bytes" ? `${Number(slider.value).toLocaleString("en")} bytes` : `next: ${slider.value} bpp`);
  }

  // A line that follows the pointer at once; the plot's own comes with the picture.
  function mark(box, event, words) {
    const plot = document.getElementById("plot");
    const line = plot.querySelector(".curve-mark") ?? plot.appendChild(document.createElement("div"));
    const outer = plot.getBoundingClientRect();
    const x = Math.min(box.right, Math.max(box.left, event.clientX));
    line.className = x > (box.left + box.right) / 2 ? "curve-mark before" : "curve-mark";
    const zoom = outer.width / plot.offsetWidth; // of the page, as for big text
    line.style.left = `${(x - outer.left) / zoom}px`;
    line.style.top = `${(box.top - outer.top) / zoom}px`;
    line.style.height = `${box.height / zoom}px`;
    line.dataset.words = words;
  }

  // A mouse means what it does at once. A finger may only want to scroll: it has to go sideways, or to tap.
  const SIDEWAYS_PIXELS = 6;

  document.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.target.closest?.("#plot")) return;
    const box = area();
    const found = target();
    if (!box || !found.slider || !isInside(event, box)) return;
    dragged = { ...found, from: event.clientX, isSure: event.pointerType !== "touch" };
    if (dragged.isSure) move(event);
  }, true);

  document.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    dragged.isSure ||= Math.abs(event.clientX - dragged.from) > SIDEWAYS_PIXELS;
    if (dragged.isSure) move(event);
  }, true);

  function end() {
    if (!dragged) return;
    const { slider, isSure } = dragged;
    dragged = null; // First, because what follows comes by here again.
    if (isSure) slider.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
    document.querySelector("#plot .curve-mark")?.remove();
  }

  document.addEventListener("pointerup", (event) => {
    if (dragged && !dragged.isSure) {
      dragged.isSure = true;
      move(event);
    }
    end();
  }, true);
  // The browser takes the finger away when it turns out to scroll the page.
  document.addEventListener("pointercancel", end, true);

  // The line at what is shown: as long as nothing else is new the server sends no plot, and it is moved here.
  let shown = null;
  let isDue = false;

  // Where that is across, on a logarithmic axis as an exponent.
  function placeOf(bytes, { xaxis, meta }) {
    const rate = meta.across === "bytes" ? bytes : (8 * bytes) / meta.pixels;
    return { rate, place: xaxis.type === "log" ? Math.log10(rate) : rate };
  }

  const markOf = (layout) => (layout.shapes?.[0]?.yref?.includes("domain") ? layout.shapes[0] : null);

  // Pushed aside as it is drawn: to let Plotly draw it again would take longer than all the rest.
  function place() {
    isDue = false;
    const plot = graph();
    const [path, box] = [plot?.querySelector('.shapelayer path[data-index="0"]'), area()];
    const line = path && box && shown && markOf(plot.layout);
    if (!line) return;
    const { range, type } = plot.layout.xaxis;
    const drawn = type === "log" ? Math.log10(line.x0) : line.x0;
    const aside = ((placeOf(shown, plot.layout).place - drawn) * box.width) / (range[1] - range[0]);
    path.style.transform = `translateX(${aside}px)`;
  }

  function placeSoon() {
    if (!isDue) requestAnimationFrame(place);
    isDue = true;
  }

  document.addEventListener("operating-point", (event) => {
    shown = event.detail.bytes;
    placeSoon();
  });

  document.addEventListener("plotted", placeSoon);

  // What the page's buttons call. A picture of the plot is drawn on white, whatever the page is on.
  window.diffdemoPlot = {
    save(format) {
      const { data, layout } = graph();
      const size = { width: graph().offsetWidth, height: graph().offsetHeight };
      const mark = shown && markOf(layout) && { x0: placeOf(shown, layout).rate, x1: placeOf(shown, layout).rate };
      const shapes = layout.shapes?.map((each, n) => (mark && n === 0 ? { ...each, ...mark } : each));
      const figure = { data, layout: { ...layout, shapes, paper_bgcolor: "#ffffff", plot_bgcolor: "#ffffff" } };
      window.Plotly.downloadImage(figure, { format, filename: `${layout.meta.name}-curve`, ...size, ...TIMES[format] });
    },
    keep(file) {
      const link = document.createElement("a");
      link.href = file.url;
      link.download = file.orig_name;
      link.click();
    },
  };
})();
