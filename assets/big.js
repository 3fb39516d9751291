// Big text, for a projector: switched by a button, remembered by the browser, asked for by a link with ?text=big.
window.diffdemoText = (() => {
  const KEY = "diffdemo-text";

  // Some frames may not store anything: there it is big until the page is left.
  const tried = (act) => { try { return act(); } catch { return null; } };

  function set(text) {
    document.documentElement.classList.toggle("big", text === "big");
    document.getElementById("big-text")?.setAttribute("aria-pressed", text === "big");
    tried(() => localStorage.setItem(KEY, text));
    document.dispatchEvent(new CustomEvent("text-size"));
  }

  set(new URLSearchParams(location.search).get("text") ?? tried(() => localStorage.getItem(KEY)) ?? "normal");
  return { toggle: () => set(document.documentElement.classList.contains("big") ? "normal" : "big") };
})();
