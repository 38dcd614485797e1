// What the pages gain with scripts. Everything works without: nothing here makes content, it only moves among it.
import { charts } from "./charts.js";
import { keys } from "./keys.js";
import { live } from "./live.js";

// Only where the browser lets a page write to the clipboard: over https, and on this machine.
function copies() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) {
    const word = button.firstChild;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent);
      word.data = "Copied";
      setTimeout(() => { word.data = "Copy"; }, 2000);
    });
  }
}

function chooseAll() {
  const all = document.querySelector("[data-all]");
  if (!all) return;
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of document.querySelectorAll("input[name=source]")) box.checked = all.checked;
  });
}

copies();
chooseAll();
charts();
keys();
live();
