// A short word at the foot of the page, read out by screen readers, gone by itself.
let shown;

export function toast(text) {
  shown?.remove();
  shown = document.createElement('p');
  shown.className = 'toast';
  shown.setAttribute('role', 'status');
  shown.textContent = text;
  // An open dialog covers everything outside of it.
  (document.querySelector('dialog[open]') ?? document.body).append(shown);
  const mine = shown;
  setTimeout(() => mine.remove(), 1800);
}

// Writes to the clipboard and says so. Pages of plain http have no clipboard: the text is
// selected by hand there.
export async function copy(text) {
  if (!navigator.clipboard) return false;
  await navigator.clipboard.writeText(text);
  toast(document.body.dataset.copied);
  return true;
}
