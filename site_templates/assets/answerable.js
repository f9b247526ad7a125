// Makes a figure interactive when its button is pressed. Without this file, or when it fails, the drawing stays as it is.

let vega; // the library, fetched once and only when somebody asks for it

function library(address) {
  vega ??= import(address).then(() => window.vegaEmbed);
  vega.catch(() => { vega = undefined; });
  return vega;
}

// A specification is written in the colours of the light scheme; here each becomes the variable that follows the page's scheme.
function recoloured(value, colours) {
  if (typeof value === "string") return colours[value] ?? value;
  if (Array.isArray(value)) return value.map((part) => recoloured(part, colours));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, recoloured(part, colours)]));
}

async function specification(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  const { datasets, usermeta, ...spec } = await answer.json();
  return { ...recoloured(spec, usermeta.colours), datasets };
}

async function enliven(figure, button, drawing) {
  const isNarrow = drawing.clientWidth < 600;
  const address = isNarrow ? button.dataset.figure.replace(/\.json$/, ".narrow.json") : button.dataset.figure;
  const vegaAddress = new URL(button.dataset.vega, document.baseURI).href;
  const [embed, spec] = await Promise.all([library(vegaAddress), specification(address)]);
  const live = document.createElement("div");
  live.className = "figure__live";
  live.setAttribute("role", "img");
  live.setAttribute("aria-label", drawing.querySelector("svg").getAttribute("aria-label"));
  drawing.before(live);
  try {
    spec.width = Math.min(drawing.clientWidth, spec.width * 1.15);
    await embed(live, spec, {
      ast: true, // no code from strings: the site's policy forbids it
      renderer: "svg",
      actions: false,
      defaultStyle: false,
      tooltip: {
        disableDefaultStyle: true,
        formatTooltip: (value, sanitize) =>
          Object.values(value).filter(Boolean).map((part) => `<div>${sanitize(part)}</div>`).join(""),
      },
    });
  } catch (error) {
    live.remove();
    throw error;
  }
  drawing.hidden = true;
  return live;
}

function prepare(button) {
  const figure = button.closest("figure");
  const drawing = figure.querySelector(".figure__drawing");
  const status = figure.querySelector(".figure__status");
  const words = button.firstChild;
  const still = words.data;
  let live;
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-busy") === "true") return;
    if (live) {
      live.remove();
      live = undefined;
      drawing.hidden = false;
      words.data = still;
      status.textContent = "";
      return;
    }
    button.setAttribute("aria-busy", "true");
    status.textContent = "Loading …";
    try {
      live = await enliven(figure, button, drawing);
      words.data = "Show the still drawing";
      status.textContent = "Point at a mark to read it.";
    } catch (error) {
      console.warn(error);
      status.textContent = "The interactive version could not be loaded. The drawing and the table have all the numbers.";
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
}

document.querySelectorAll(".figure__button").forEach(prepare);
