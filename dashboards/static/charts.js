// Charts: what a bar says, beside the pointer, and a period chosen by drawing over it.
const LEAST = 6; // px; less is a click

export function charts() {
  for (const plot of document.querySelectorAll(".plot")) {
    tips(plot);
    if ("brush" in plot.dataset) brush(plot);
  }
}

function tips(plot) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true"); // it repeats the bar's title
  document.body.append(tip);
  let title = null;
  const leave = () => {
    if (title) title.textContent = tip.textContent;
    title = null;
    tip.hidden = true;
  };
  plot.addEventListener("pointerover", (event) => {
    const found = event.target.closest(".bar")?.querySelector("title") ?? null;
    if (found === title) return;
    leave();
    if (!found) return;
    title = found;
    tip.textContent = title.textContent;
    title.textContent = ""; // or the browser would show it too
    tip.hidden = false;
  });
  plot.addEventListener("pointermove", (event) => {
    const left = Math.min(event.clientX + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${event.clientY + 18}px`;
  });
  plot.addEventListener("pointerleave", leave);
}

function brush(plot) {
  const [first, last, step] = ["first", "last", "step"].map((name) => Number(plot.dataset[name]));
  let start = null;
  let drawn = null;
  const inside = (event) => {
    const box = plot.getBoundingClientRect();
    return [Math.min(Math.max(event.clientX - box.left, 0), box.width), box.width];
  };
  plot.addEventListener("dragstart", (event) => event.preventDefault());
  plot.addEventListener("pointerdown", (event) => {
    if (event.button === 0) [start] = inside(event);
  });
  plot.addEventListener("pointermove", (event) => {
    if (start === null) return;
    const [now] = inside(event);
    if (!drawn && Math.abs(now - start) < LEAST) return;
    if (!drawn) {
      drawn = plot.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "rect"));
      drawn.setAttribute("class", "brush");
      drawn.setAttribute("height", "200");
      plot.setPointerCapture(event.pointerId);
    }
    drawn.setAttribute("x", String(Math.min(start, now)));
    drawn.setAttribute("width", String(Math.abs(now - start)));
  });
  const end = () => {
    drawn?.remove();
    start = drawn = null;
  };
  plot.addEventListener("pointercancel", end);
  window.addEventListener("pointerup", (event) => {
    if (drawn) {
      const [now, width] = inside(event);
      const times = [start, now].sort((a, b) => a - b).map((x) => first + ((last - first) * x) / width);
      go(Math.floor(times[0] / step) * step, Math.ceil(times[1] / step) * step);
      plot.addEventListener("click", (click) => click.preventDefault(), { capture: true, once: true });
    }
    end();
  });
}

function go(from, to) {
  const address = new URL(location.href);
  for (const name of ["cursor", "live"]) address.searchParams.delete(name);
  address.searchParams.set("from", written(from));
  address.searchParams.set("to", written(to));
  location.assign(address);
}

function written(seconds) {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}
