// The tree of groups: children of a closed group are fetched when it opens; arrow keys walk.
document.addEventListener('toggle', async (event) => {
  const group = event.target;
  if (!(group instanceof HTMLDetailsElement) || !group.open || !group.dataset.lazy) return;
  const url = group.dataset.lazy;
  delete group.dataset.lazy;
  const response = await fetch(url);
  if (response.ok && !response.redirected) {
    const fresh = new DOMParser().parseFromString(`<ul>${await response.text()}</ul>`, 'text/html');
    group.querySelector('ul').replaceChildren(...fresh.querySelector('ul').childNodes);
  } else {
    group.dataset.lazy = url;
  }
}, true);

document.addEventListener('keydown', (event) => {
  const tree = event.target.closest?.('[data-tree]');
  if (!tree) return;
  const links = [...tree.querySelectorAll('a')].filter((a) => a.offsetParent);
  const at = links.indexOf(event.target.closest('a') ?? event.target.querySelector('a'));
  const details = event.target.closest('summary')?.parentElement;
  const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (move) links[at + move]?.focus();
  else if (event.key === 'Home') links[0]?.focus();
  else if (event.key === 'End') links.at(-1)?.focus();
  else if (event.key === 'ArrowRight' && details && !details.open) details.open = true;
  else if (event.key === 'ArrowLeft' && details?.open) details.open = false;
  else if (event.key === 'ArrowLeft') event.target.closest('ul')?.closest('details')?.querySelector('summary a')?.focus();
  else return;
  event.preventDefault();
});

document.querySelector('[data-tree] [aria-current]')?.scrollIntoView({ block: 'nearest' });

// A wide graph shows its centre first.
for (const box of document.querySelectorAll('.graph-box')) box.scrollLeft = (box.scrollWidth - box.clientWidth) / 2;

// A field that sends its form as soon as a value is chosen.
document.addEventListener('change', (event) => {
  if (event.target.matches('[data-submit]')) event.target.form.requestSubmit();
});
