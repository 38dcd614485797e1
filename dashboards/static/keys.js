// Keys: / ? j k x, and g with a letter. They can be turned off, because who speaks to a browser types by accident
// (WCAG 2.1.4).
const OFF = "csp-sentinel-keys-off";
const AFTER_G = 1500; // ms
const SEARCH = "#search"; // of an address that / leads to

export function keys() {
  const help = document.querySelector("[data-keys]");
  const button = document.querySelector("[data-help]");
  const toggle = document.querySelector("[data-toggle-keys]");
  if (!help) return; // nobody is signed in
  let gone = 0; // when g was pressed

  button.hidden = false;
  button.addEventListener("click", () => help.showModal());
  toggle.checked = !off();
  toggle.addEventListener("change", () => {
    try {
      if (toggle.checked) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "1");
    } catch {
      toggle.checked = true; // this browser keeps nothing of a site
    }
  });

  const actions = {
    "/": () => {
      const search = document.querySelector("[data-search]");
      if (search) search.focus();
      else location.assign(`${document.querySelector('nav.main a[data-key="v"]').href}${SEARCH}`);
    },
    "?": () => help.showModal(),
    j: () => move(1),
    k: () => move(-1),
    x: () => row()?.querySelector("input[type=checkbox]")?.click(),
    g: (event) => { gone = event.timeStamp; },
  };
  if (location.hash === SEARCH) document.querySelector("[data-search]")?.focus();
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || off() || help.open) return;
    if (event.target.closest("input:not([type=checkbox], [type=radio]), select, textarea")) return;
    const there = event.timeStamp - gone < AFTER_G && /^[a-z]$/.test(event.key)
      ? document.querySelector(`nav.main a[data-key="${event.key}"]`) : null;
    gone = 0;
    const act = there ? () => there.click() : Object.hasOwn(actions, event.key) ? actions[event.key] : null;
    if (!act) return;
    event.preventDefault();
    act(event);
  });
}

function off() {
  try {
    return localStorage.getItem(OFF) !== null;
  } catch {
    return false;
  }
}

function row() {
  return document.activeElement?.closest("[data-row]");
}

function move(by) {
  const rows = [...document.querySelectorAll("[data-row]")];
  const at = rows.indexOf(row());
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)];
  next?.querySelector("[data-open], a, pre")?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
