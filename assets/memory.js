// What a tab would lose with its page: the picture, the file, and what is chosen. It lies in the browser (IndexedDB)
// under the tab's own name (sessionStorage), for a day, and comes back to the server as uploads do, through their gate.
(() => {
  const MOST_BYTES = 48e6; // of one tab
  const MOST_TABS = 6;
  const AGE_MS = 24 * 3600e3;
  const SOON_MS = 300;
  const PULSE_MS = 60e3; // between two questions whether the server still knows the page
  const USUAL_STAGE = "slider,0.5,1,0.5,0.5";
  const FILES = ["picture", "original", "file"];
  let tab = null;
  try { tab = sessionStorage.getItem("diffdemo-tab"); } catch { /* Where nothing may be kept, nothing is. */ }
  let found = location.search; // what the page opens with
  let stage = ""; // where the pictures lie on it, until they are there
  let brought = null; // what the server says of the session
  let chosen = null; // what the controls say
  let record = {}; // as it is stored
  let timer = 0;
  let writing = Promise.resolve();
  let lastPulse = Date.now();
  let join = null;
  const joined = new Promise((resolve) => { join = resolve; });

  const opening = new Promise((resolve, reject) => {
    const request = indexedDB.open("diffdemo", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("tabs", { keyPath: "tab" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  opening.catch(() => {});

  async function stored(mode, act) {
    const request = act((await opening).transaction("tabs", mode).objectStore("tabs"));
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  // A tab that was duplicated brings the name of the other one, which goes on under it.
  async function name() {
    const isFree = (wanted) => new Promise((resolve) => {
      if (!navigator.locks) return resolve(true);
      const hold = (lock) => { resolve(Boolean(lock)); return lock && new Promise(() => {}); };
      navigator.locks.request(`diffdemo-${wanted}`, { ifAvailable: true }, hold);
    });
    while (!tab || !(await isFree(tab))) tab = Math.random().toString(36).slice(2);
    sessionStorage.setItem("diffdemo-tab", tab);
  }

  async function clear() {
    const all = (await stored("readonly", (tabs) => tabs.getAll())).sort((one, other) => other.time - one.time);
    const old = all.filter(({ time }, place) => place >= MOST_TABS || Date.now() - time > AGE_MS);
    for (const each of old) await stored("readwrite", (tabs) => tabs.delete(each.tab));
  }

  // What the page was, as arguments of the event that it begins with: picture, original, file, query, what was tried.
  async function recall() {
    const nothing = [null, null, null, found, ""];
    try {
      const before = tab && await stored("readonly", (tabs) => tabs.get(tab));
      await name();
      await clear();
      // Whoever has opened a link in this tab since wants the link.
      if (before?.search !== location.search) return nothing;
      const { upload } = await joined;
      const sent = FILES.map((each) => before[each] && upload(new File([before[each].blob], before[each].name)));
      const files = await Promise.all(sent);
      found = before.query;
      return [...files.map((file) => file && { ...file, meta: { _type: "gradio.FileData" } }), found, before.tried ?? ""];
    } catch {
      return nothing;
    } finally {
      document.documentElement.classList.remove("returning");
      stage = new URLSearchParams(found).get("stage") ?? "";
    }
  }

  // What controls say, in the names of links; what they begin with is not said.
  function query({ names, values, about = {} }) {
    const all = new URLSearchParams();
    Object.entries(names).forEach(([each, usual], number) => {
      const value = values[number];
      if (value !== null && value !== undefined && value !== "" && value !== usual) all.set(each, value);
    });
    const place = document.querySelector("#stage .comparer")?.dataset.place;
    if (place && place !== USUAL_STAGE) all.set("stage", place);
    for (const [each, value] of Object.entries(about)) if (value) all.set(each, value);
    return all;
  }

  async function fetched(value, before, fallback) {
    if (!value?.url) return null;
    if (before?.url === value.url) return before;
    const blob = await (await fetch(value.url, { cache: "force-cache" })).blob();
    return { url: value.url, name: value.orig_name ?? fallback, blob };
  }

  async function write() {
    if (!chosen || !brought || !tab) return;
    const { file, original, about, tried } = brought;
    const picture = about.example ? null : chosen.picture;
    const next = { tab, time: Date.now(), search: location.search, tried };
    next.query = `?${query({ ...chosen, about })}`;
    for (const [each, value] of Object.entries({ picture, original, file })) {
      next[each] = await fetched(value, record[each], `${each}.png`);
    }
    const size = FILES.reduce((sum, each) => sum + (next[each]?.blob.size ?? 0), 0);
    if (size > MOST_BYTES) return;
    await stored("readwrite", (tabs) => tabs.put(next));
    record = next;
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(now, SOON_MS);
  }

  function now() {
    writing = writing.then(write).catch(() => {});
  }

  // A laptop that has slept, or a server that was started anew: the session may be gone, and the page does not know.
  async function pulse() {
    lastPulse = Date.now();
    (await joined).pulse();
  }

  const isGrowing = () => Number(brought?.about.goal) > brought?.bytes && Boolean(document.querySelector("#stop:enabled"));
  const isLost = () => Boolean(document.querySelector(".toast-wrap")?.textContent.includes("Connection to the server was lost"));
  addEventListener("pagehide", now);
  for (const kind of ["pointerup", "keyup", "wheel"]) document.addEventListener(kind, soon, { capture: true, passive: true });
  for (const kind of ["pointermove", "pointerdown", "keydown", "visibilitychange", "online"]) {
    addEventListener(kind, () => { if (Date.now() - lastPulse > PULSE_MS) pulse(); }, { capture: true, passive: true });
  }

  window.diffdemoMemory = {
    join, recall, pulse,
    isEncoding: () => isGrowing() && !isLost(), // See early.html.
    query: () => found,
    takeStage() {
      const taken = stage;
      stage = "";
      return taken;
    },
    keep(names, [picture, ...values]) {
      chosen = { names, values, picture };
      soon();
    },
    bring(value) {
      if (value?.gone) return location.reload();
      brought = value;
      soon();
    },
    // In the browser, which alone knows its address. Where a page may not use the clipboard, the link is in the
    // address bar all the same.
    link(names, values, leadsTo) {
      const all = `${query({ names, values })}&${leadsTo}`;
      const link = `${location.origin}${location.pathname}?${all}`;
      history.replaceState(history.state, "", link);
      if (navigator.clipboard && window.isSecureContext) navigator.clipboard.writeText(link).catch(() => {});
      soon();
      return all;
    },
  };
})();
