/* portone_django: copies an account number; without clipboard access the button stays hidden and the number selectable. */
(function () {
  'use strict';

  if (!navigator.clipboard || !navigator.clipboard.writeText) return;

  document.querySelectorAll('[data-portone-copy]').forEach((button) => {
    const source = document.getElementById(button.dataset.portoneCopy);
    const told = document.getElementById(button.dataset.portoneTold);
    if (!source || !told) return;
    button.hidden = false;
    button.addEventListener('click', () => {
      navigator.clipboard.writeText(source.textContent.trim())
        .then(() => { told.textContent = button.dataset.done; })
        .catch(() => { button.hidden = true; });
    });
  });
})();
