/** The search: all words must be in a section; where they are in its heading, it comes first. */
const root = document.currentScript.dataset.top;
const box = document.querySelector("search");
const field = box.querySelector("input");
const list = box.querySelector("ol");
const MOST = 12;
const AROUND = 70;

box.hidden = false;
field.addEventListener("focus", load, { once: true });
field.addEventListener("input", show);
addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== field) {
    event.preventDefault();
    field.focus();
  }
  if (event.key === "Escape") list.replaceChildren();
  if (event.key === "ArrowDown" || event.key === "ArrowUp") move(event);
});
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter") list.querySelector("a")?.click();
});
addEventListener("click", (event) => {
  if (!box.contains(event.target) || event.target.closest("a")) list.replaceChildren();
});

/** The index is large: it is loaded by who searches. */
function load() {
  const script = document.createElement("script");
  script.src = `${root}/search-index.js`;
  script.onload = show;
  document.head.append(script);
}

function show() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0 || window.searchIndex === undefined) return list.replaceChildren();
  const found = window.searchIndex
    .map((row) => ({ row, score: scoreOf(row, words) }))
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score)
    .slice(0, MOST);
  list.replaceChildren(...found.map(({ row }) => itemOf(row, words)));
  if (found.length === 0) list.append(element("li", "Nothing found."));
}

function scoreOf([, title, , heading, text], words) {
  const [inTitle, inHeading, inText] = [title, heading, text].map((one) => one.toLowerCase());
  let score = 0;
  for (const word of words) {
    if (!inText.includes(word)) return 0;
    score += Math.min(inText.split(word).length, 4);
    if (inHeading.includes(word)) score += 10;
    if (inTitle.includes(word)) score += 5;
  }
  return score;
}

function itemOf([page, title, id, heading, text], words) {
  const item = document.createElement("li");
  const link = element("a", heading === title ? title : `${title}: ${heading}`);
  link.href = `${root}/${page}#${id}`;
  const at = Math.max(text.toLowerCase().indexOf(words[0]), 0);
  const from = Math.max(at - AROUND, 0);
  const end = at + words[0].length;
  const excerpt = document.createElement("p");
  excerpt.append(
    (from > 0 ? "…" : "") + text.slice(from, at),
    element("mark", text.slice(at, end)),
    `${text.slice(end, end + AROUND)}…`,
  );
  item.append(link, excerpt);
  return item;
}

function element(name, words) {
  const made = document.createElement(name);
  made.textContent = words;
  return made;
}

/** Up and down between the field and what was found. */
function move(event) {
  const stops = [field, ...list.querySelectorAll("a")];
  const at = stops.indexOf(document.activeElement);
  if (at === -1 || stops.length === 1) return;
  event.preventDefault();
  stops[(at + (event.key === "ArrowDown" ? 1 : stops.length - 1)) % stops.length].focus();
}
