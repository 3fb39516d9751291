// Puts the comparer together. Gradio gives `element`, `props`, `trigger` and `watch`.
const root = element.querySelector(".comparer");
const find = (selector) => root.querySelector(selector);
const box = find(".box");
const divider = find(".divider");
const view = new View(box);
const hands = new Hands(box, view, draw);
const blind = new Blind(root, show);
const previews = new Previews(show);
const MAPS = {
  difference: "Right less left, four times enlarged; grey is equal.",
  error: "Where they differ; light is much.",
};
const MOST_ZOOM = 64;
let mode = "slider";
let map = null; // the last difference or error picture that came
let asked = ""; // what was asked for last

function draw() {
  view.draw();
  const percent = Math.round(100 * view.split);
  divider.setAttribute("aria-valuenow", percent);
  divider.setAttribute("aria-valuetext", `${percent} percent show the left picture`);
  find('[data-zoom="reset"]').textContent = `${Math.round(100 * view.scale)} %`;
  root.dataset.place = [mode, ...[view.split, view.zoom, view.x, view.y].map((each) => Number(each.toFixed(4)))].join();
}

// Once, with the first pictures: as a link or the tab's memory says.
function settle() {
  const [wanted, ...numbers] = diffdemoMemory.takeStage().split(",");
  const [split, zoom, x, y] = numbers.map((each) => Math.min(MOST_ZOOM, Math.max(0, Number(each) || 0)));
  if (numbers.length !== 4 || !["slider", "beside", ...Object.keys(MAPS)].includes(wanted)) return;
  Object.assign(view, { split: Math.min(1, split), zoom: Math.max(1, zoom), x, y });
  choose(wanted);
}

function show() {
  const value = props.value;
  if (!value || !value.left) return;
  [view.width, view.height] = [value.width, value.height];
  const sides = blind.order(value);
  showSide("left", previews.of(sides.left), "A");
  showSide("right", previews.of(sides.right), "B");
  root.classList.toggle("moving", previews.isMoving);
  root.classList.toggle("unsettled", isUnsettled());
  const point = { bytes: previews.at ?? value.bytes };
  document.dispatchEvent(new CustomEvent("operating-point", { detail: point }));
  if (blind.isOn && mode in MAPS) return choose("slider");
  root.classList.toggle("hiding", blind.hides);
  find(".quiz").hidden = !blind.isOn;
  find(".blind").disabled = blind.isOn || !Blind.suits(value);
  for (const each of root.querySelectorAll("[name=comparer-mode]")) each.disabled = blind.isOn && each.value in MAPS;
  showMap(value);
  draw();
}

function showSide(name, side, letter) {
  const picture = find(`.pane.${name} img`);
  if (picture.getAttribute("src") !== side.picture.url) {
    picture.src = side.picture.url;
    // In the place of another shape the picture before it would be squashed.
    picture.classList.toggle("coming", picture.dataset.shape !== shapeOf(props.value));
    picture.dataset.shape = shapeOf(props.value);
  }
  const caption = blind.hides ? letter : `${side.caption}${side.is_preview ? ", preview" : ""}`;
  const numbers = blind.hides ? "" : side.numbers;
  picture.alt = `On the ${name}: ${[caption, numbers].filter(Boolean).join(", ")}`;
  find(`.side.${name} b`).textContent = caption;
  for (const part of [find(`.side.${name}`), find(`.pane.${name}`)]) part.classList.toggle("stays", side.is_file || side.is_original);
  const facts = numbers.split(" · ").flatMap((each, n) => [n ? " · " : "", fact(each)]);
  find(`.side.${name} span`).replaceChildren(...facts);
}

// Whether the file goes on while the other half still is what it was beside the bytes before.
function isUnsettled() {
  return previews.isMoving || props.value.left.is_preview || props.value.right.is_preview;
}

const shapeOf = ({ width, height }) => `${width} x ${height}`;

// A line breaks between two numbers, never within one.
function fact(words) {
  const whole = document.createElement("i");
  whole.textContent = words;
  return whole;
}

// The server makes a map of the pair that is shown when one is asked for; until it is here, the last one stays.
function showMap(value) {
  const isMap = mode in MAPS;
  find(".meaning").textContent = isMap ? MAPS[mode] : "";
  const isHere = Boolean(map) && map.pair === value.pair && map.kind === mode;
  find(".pane.map").classList.toggle("waiting", isMap && (!isHere || isUnsettled()));
  if (!isMap) return;
  const wanted = `${mode} ${value.pair}`;
  if (isHere) {
    find(".pane.map img").src = map.picture.url;
    find(".pane.map img").alt = MAPS[mode];
  } else if (asked !== wanted) {
    asked = wanted;
    trigger("look", { kind: mode });
  }
}

function choose(chosen) {
  mode = chosen;
  root.dataset.mode = mode;
  root.classList.toggle("mapped", mode in MAPS);
  find(`[name=comparer-mode][value=${mode}]`).checked = true;
  hands.hasDivider = mode === "slider";
  box.tabIndex = hands.hasDivider ? -1 : 0;
  view.isHalved = mode === "beside";
  show();
}

function zoom(how) {
  if (how === "reset") view.reset();
  else view.zoomBy(how === "in" ? Hands.ZOOM : 1 / Hands.ZOOM);
  draw();
}

function togglePixels() {
  view.isPixelated = !view.isPixelated;
  find(".pixels").setAttribute("aria-pressed", view.isPixelated);
  draw();
}

function toggleWhole() {
  if (document.fullscreenElement) document.exitFullscreen();
  else root.requestFullscreen();
}

for (const each of root.querySelectorAll("[name=comparer-mode]")) {
  each.addEventListener("change", () => choose(each.value));
}
for (const each of root.querySelectorAll(".pane img")) each.addEventListener("load", () => each.classList.remove("coming"));
for (const each of root.querySelectorAll("[data-zoom]")) each.addEventListener("click", () => zoom(each.dataset.zoom));
find(".pixels").addEventListener("click", togglePixels);
find(".blind").addEventListener("click", () => blind.begin());
find(".whole").addEventListener("click", toggleWhole);
document.addEventListener("comparer-maps", (event) => { map = event.detail; asked = ""; show(); });
find(".whole").hidden = !document.fullscreenEnabled;
new ResizeObserver(draw).observe(box);
watch("value", () => { previews.settle(props.value?.bytes); show(); settle(); });
choose(mode);
