/* portone_django: a page that waits for a payment asks how it stands and moves on when the answer changes. */
(function () {
  'use strict';

  const page = document.querySelector('[data-portone-poll]');
  if (!page || page.hasAttribute('data-portone-polling')) return;
  page.setAttribute('data-portone-polling', '');

  const UNDECIDED = ['confirming', 'pending', 'created', 'unknown', 'open'];
  const SLOWEST = Number(page.dataset.slowest) || 10000;
  const ANSWER_TIMEOUT = 10000;
  let pause = Number(page.dataset.first) || 2000;
  let timer = null;
  let paying = false;

  function plan() {
    clearTimeout(timer);
    timer = setTimeout(look, pause);
    pause = Math.min(pause * 1.25, SLOWEST);
  }

  function look() {
    if (document.hidden || paying) return;
    const abort = new AbortController();
    const late = setTimeout(() => abort.abort(), ANSWER_TIMEOUT);
    fetch(page.dataset.portonePoll, {credentials: 'same-origin', cache: 'no-store', signal: abort.signal, headers: {Accept: 'application/json'}})
      .then((response) => (response.ok ? response.json() : {}))
      .then((answer) => { if (!paying && !moved(answer)) plan(); })
      .catch(plan)
      .finally(() => clearTimeout(late));
  }

  function moved(answer) {
    if (!answer.state || answer.state === page.dataset.state || UNDECIDED.includes(answer.state)) return false;
    const target = new URL(answer.url || '', window.location.href);
    if (target.protocol !== 'https:' && target.protocol !== 'http:') return false;
    if (target.href === window.location.href) window.location.reload();
    else window.location.replace(target.href);
    return true;
  }

  // A hidden page asks nothing; when the customer comes back it asks at once.
  document.addEventListener('visibilitychange', () => { if (!document.hidden) { clearTimeout(timer); look(); } });
  window.addEventListener('pageshow', (event) => { if (event.persisted) { paying = false; look(); } });
  // From the press of a button on this page checkout.js watches: to pay in another way ends this attempt, and the
  // reload that would follow takes away the window that is about to open.
  document.addEventListener('portone:start', () => { paying = true; clearTimeout(timer); });
  document.addEventListener('portone:fail', () => { paying = false; plan(); });
  plan();
})();
