// Buttons that copy the text of data-copy.
import { copy } from './toast.js';

document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button || !(await copy(button.dataset.copy))) return;
  button.classList.add('done');
  setTimeout(() => button.classList.remove('done'), 1200);
});
