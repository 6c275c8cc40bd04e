// Wires the page: theme, copy buttons, links to operations. Everything here is a convenience; the
// page reads without it.

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
}

function connectTheme(changed) {
  document.getElementById("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    setTheme(dark ? "light" : "dark");
    changed();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}

function connectCopies() {
  for (const button of document.querySelectorAll("button.copy")) {
    const code = button.parentElement.querySelector("code");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        // No clipboard (a page from a disk may have none): mark the text for the reader's own copy.
        getSelection().selectAllChildren(code);
        button.textContent = "Marked";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1600);
    });
  }
}

function follow(line, hash, scroll) {
  const wanted = parseHash(hash);
  if (wanted.view) line.show(wanted.view);
  const found = wanted.op !== undefined && line.toOperation(wanted.op);
  if (scroll && (found || wanted.view)) document.getElementById("timeline").scrollIntoView();
}

/** Whether anything was drawn between the lanes' names and the right edge; looked at once. */
function hasInk(canvas) {
  const left = Math.floor(canvas.width / 4);
  const pixels = canvas.getContext("2d").getImageData(left, 0, canvas.width - left, canvas.height);
  const colours = new Set(new Uint32Array(pixels.data.buffer));
  return colours.size > 2;
}

async function startTimeline() {
  const template = document.getElementById("payload");
  const text = template.content.textContent.trim();
  template.remove();
  if (!text) return null;
  const line = timeline(decodePayload(await inflate(base64Bytes(text))));
  line.repaint();
  for (const button of document.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => line.actions[button.dataset.do]());
  }
  addEventListener("hashchange", () => follow(line, location.hash, true));
  new ResizeObserver(() => line.repaint()).observe(document.getElementById("canvas-box"));
  follow(line, location.hash, true);
  document.documentElement.dataset.timeline = hasInk(line.canvas) ? "ready" : "blank";
  return line;
}

async function start() {
  document.documentElement.classList.add("js");
  const { theme } = parseHash(location.hash);
  if (theme) setTheme(theme);
  connectCopies();
  let line = null;
  connectTheme(() => { if (line) line.repaint(); });
  try {
    line = await startTimeline();
  } catch (error) {
    document.documentElement.dataset.timeline = "failed";
    const box = document.getElementById("canvas-box");
    box.replaceChildren(element("p", `The timeline could not be drawn: ${error.message}`));
    throw error;
  }
}

start();
