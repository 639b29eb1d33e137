// Buttons that copy the text of data-copy.
document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.classList.add('done');
  setTimeout(() => button.classList.remove('done'), 1200);
});
