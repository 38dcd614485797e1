// Says when there are new reports. The page is loaded again as a whole: by a click, or by itself where its address says
// live=1, and never under somebody's hands. What counts on it is a field of the totals: a number, or numbers by name.
const EVERY = 10_000; // ms

export function live() {
  const link = document.querySelector("[data-live]");
  if (!link) return;
  link.hidden = false;
  let known = null;
  const look = async () => {
    if (document.visibilityState !== "visible") return;
    const reports = await count(link.dataset);
    if (reports === null) return;
    known = Math.min(known ?? reports, reports); // fewer: they got another label
    if (reports === known) return;
    if (link.dataset.live === "on" && !busy()) location.reload();
    else tell(reports - known, link.dataset.counts === "rejected" ? "refused report" : "report");
  };
  look();
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
}

async function count({ fresh, counts }) {
  try {
    const answer = await fetch(fresh, { headers: { accept: "application/json" } });
    return answer.ok ? sum((await answer.json())[counts]) : null;
  } catch {
    return null; // the console is away; the next look may find it
  }
}

function sum(counted) {
  return typeof counted === "number" ? counted : Object.values(counted).reduce((all, one) => all + one, 0);
}

function busy() {
  const at = document.activeElement;
  return Boolean(
    at?.matches("input, select, textarea") || document.querySelector("input[name=source]:checked, dialog[open], .brush")
      || String(getSelection()),
  );
}

function tell(reports, what) {
  const place = document.querySelector("[data-news]");
  const words = `${reports.toLocaleString("en")} new ${what}${reports === 1 ? "" : "s"}: show`;
  let button = place.querySelector("button");
  if (!button) {
    button = document.createElement("button");
    button.type = "button";
    button.addEventListener("click", () => location.reload());
    place.append(button);
  }
  if (button.textContent !== words) button.textContent = words;
}
