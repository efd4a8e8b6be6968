/* portone_django: the checkout button. It opens the window and reports what it is told; the server decides what happened. */
(function () {
  'use strict';

  if (window.portoneCheckout) return;

  const SDK_TIMEOUT = 10000;
  const POST_TIMEOUT = 20000;
  const TICK = 1000;
  const FIRST_POLL = 15000;
  const POLL_EVERY = 3000;
  const POLL_AT_MOST_EVERY = 30000;
  const OFFER_AGAIN = 20000;
  const GIVE_UP = 30 * 60 * 1000;
  const SETTLED = ['paid', 'refunded', 'awaiting_deposit', 'checking', 'registered'];
  const FAILED = ['failed', 'expired'];

  const BUTTON = '[data-portone-pay]';
  const own = document.currentScript;
  let current = null, initialised = null, sdk = null;

  // ---- the page: one live region, one spare button per checkout -------------------------------------------------

  const read = (root) => JSON.parse(document.getElementById(root.dataset.portoneConfig).textContent);
  const text = (run, key) => run.config.messages[key] || run.config.messages.failed || '';
  const part = (root, name) => root.querySelector('[data-portone-' + name + ']');

  function say(root, message, kind) {
    const region = part(root, 'status');
    region.textContent = message || '';
    region.dataset.kind = kind || 'info';
  }

  function emit(root, name, detail, cancelable) {
    const event = new CustomEvent('portone:' + name, {detail: detail, bubbles: true, cancelable: Boolean(cancelable)});
    return root.dispatchEvent(event);
  }

  /* Every button of the page is held while one pays; those the server disabled stay out of it. */
  function hold(run) {
    document.querySelectorAll(BUTTON).forEach((button) => {
      if (button.disabled) return;
      button.disabled = true;
      button.dataset.portoneHeld = '';
    });
    run.button.setAttribute('aria-busy', 'true');
    part(run.root, 'again').hidden = true;
  }

  function release(run) {
    document.querySelectorAll(BUTTON + '[data-portone-held]').forEach((button) => {
      button.disabled = false;
      delete button.dataset.portoneHeld;
      button.removeAttribute('aria-busy');
    });
    if (run && document.activeElement === document.body) run.button.focus({preventScroll: true});
  }

  function go(run, url) {
    const target = new URL(url, window.location.href);
    if (target.protocol !== 'https:' && target.protocol !== 'http:') throw new Error('not a page: ' + target.protocol);
    finish(run);
    window.location.assign(target.href);
    setTimeout(() => run === current && rest(run), POST_TIMEOUT);
  }

  /* The page as it was before the click. */
  function rest(run) {
    current = null;
    say(run.root, '', 'info');
    release(run);
  }

  function finish(run) {
    run.over = true;
    clearInterval(run.timer);
  }

  function fail(run, code, message) {
    finish(run);
    if (run !== current) return;
    current = null;
    part(run.root, 'again').hidden = true;
    release(run);
    say(run.root, message || text(run, 'failed'), 'error');
    emit(run.root, 'fail', {code: code, message: message || text(run, 'failed')});
  }

  // ---- talking to the server ------------------------------------------------------------------------------------

  /* Resolves to the JSON answer; rejects with {code, message}: the server's own words, or none when it gave none. */
  function ask(run, url, body) {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), POST_TIMEOUT);
    const options = {credentials: 'same-origin', cache: 'no-store', signal: abort.signal, headers: {Accept: 'application/json'}};
    if (body) {
      options.method = 'POST';
      options.body = JSON.stringify(body);
      options.headers['Content-Type'] = 'application/json';
      options.headers['X-CSRFToken'] = run.config.csrf_token;
    }
    return fetch(url, options)
      .then((response) => response.json().catch(() => ({})).then((answer) => {
        if (response.ok && !answer.error) return answer;
        const error = answer.error || {};
        throw {code: error.code || 'http_' + response.status, message: error.message || ''};
      }))
      .catch((error) => { throw error.code && typeof error.code === 'string' ? error : {code: 'network', message: ''}; })
      .finally(() => clearTimeout(timer));
  }

  // ---- PortOne's SDK --------------------------------------------------------------------------------------------

  const sdkIsThere = () => Boolean(window.IMP && window.IMP.init && window.IMP.request_pay);

  /* Loads the SDK once; a failed load is forgotten so that the next click tries anew. */
  function loadSdk(url) {
    if (sdkIsThere()) return Promise.resolve();
    if (sdk) return sdk;
    const script = document.createElement('script');
    const loading = new Promise((resolve, reject) => {
      const late = setTimeout(reject, SDK_TIMEOUT);
      script.onerror = reject;
      script.onload = () => { clearTimeout(late); if (sdkIsThere()) resolve(); else reject(); };
    });
    sdk = loading.catch(() => { sdk = null; script.remove(); throw {code: 'blocked', message: ''}; });
    if (own && own.nonce) script.nonce = own.nonce;
    script.src = url;
    document.head.appendChild(script);
    return sdk;
  }

  /* A second load of the script puts another IMP in place, which refuses to work until it is initialised. */
  function initialise(userCode) {
    if (initialised && initialised.IMP === window.IMP && initialised.userCode === userCode) return;
    window.IMP.init(userCode);
    initialised = {IMP: window.IMP, userCode: userCode};
  }

  // ---- one payment ----------------------------------------------------------------------------------------------

  function start(root, button, again) {
    const config = read(root);
    const run = {root: root, button: button, config: config, over: false, opened: null, free: 0, covered: false};
    if (current) finish(current);
    current = run;
    hold(run);
    say(root, text(run, 'working'), 'info');
    emit(root, 'start', {});
    const another = Boolean(config.another) && !again && !root.hasAttribute('data-portone-opened');
    const ready = loadSdk(config.sdk_url);
    ready.catch(() => undefined);
    ask(run, config.start_url, {token: config.token, another: another})
      .then((answer) => {
        if (run !== current) return undefined;
        if (answer.action === 'redirect') return arrive(run, 'redirect', answer.url);
        if (answer.action !== 'open') throw {code: 'unexpected', message: ''};
        return ready.then(() => (run === current ? open(run, answer) : undefined));
      })
      .catch((error) => (error instanceof Error ? {code: 'script'} : error))
      .then((error) => error && fail(run, error.code, error.message || text(run, reason(error.code))));
  }

  function reason(code) {
    if (code === 'network' || code === 'blocked') return code;
    return code === 'http_403' ? 'stale' : 'unavailable';
  }

  function open(run, answer) {
    run.answer = answer;
    run.opened = Date.now();
    run.nextPoll = run.opened + FIRST_POLL;
    run.pause = POLL_EVERY;
    run.root.setAttribute('data-portone-opened', '');
    emit(run.root, 'open', {merchant_uid: answer.params.merchant_uid});
    run.timer = setInterval(() => watch(run), TICK);
    initialise(answer.user_code);
    // The SDK writes into the object it is given, so it gets a copy of its own.
    window.IMP.request_pay(JSON.parse(JSON.stringify(answer.params)), (rsp) => report(run, rsp || {}));
  }

  /* Whatever the SDK says is passed on as a hint, errors included: it may be wrong about whether money moved. */
  function report(run, rsp) {
    if (run.reported) return;
    run.reported = true;
    clearInterval(run.timer);
    const stale = () => run !== current;
    const hint = {
      imp_uid: rsp.imp_uid || '',
      merchant_uid: rsp.merchant_uid || run.answer.params.merchant_uid,
      error_code: String(rsp.error_code || rsp.error_coe || ''),
      error_msg: String(rsp.error_msg || '')
    };
    if (!stale()) { hold(run); say(run.root, text(run, 'confirming'), 'info'); }
    ask(run, run.answer.complete_url, hint)
      .catch(() => ({state: 'confirming'}))
      .then((result) => {
        if (FAILED.includes(result.state)) return fail(run, result.state, result.message);
        if (stale() && !SETTLED.includes(result.state)) return undefined;
        return arrive(run, result.state || 'confirming', result.url || run.answer.result_url);
      });
  }

  function arrive(run, state, url) {
    if (emit(run.root, 'done', {state: state, url: url}, true)) return go(run, url);
    finish(run);
    return run === current ? rest(run) : undefined;
  }

  // ---- while the window is open: its callback may never come ----------------------------------------------------

  function watch(run) {
    const age = Date.now() - run.opened;
    if (age > GIVE_UP) { fail(run, 'closed', text(run, 'closed')); return; }
    if (age > OFFER_AGAIN) part(run.root, 'again').hidden = false;
    notice(run);
    if (Date.now() >= run.nextPoll) poll(run);
  }

  /* The window lies over the button while it is open: two looks in a row at a free button mean it was closed. */
  function notice(run) {
    const sight = seen(run.button);
    if (sight === null) return;
    if (!sight) { run.covered = true; run.free = 0; return; }
    run.free += 1;
    if (!run.covered || run.free !== 2) return;
    release(run);
    say(run.root, text(run, 'closed'), 'info');
    run.nextPoll = Date.now();
    run.pause = POLL_EVERY;
  }

  /* true: the pointer can reach it; false: something lies over it or hides it; null: scrolled out of sight. */
  function seen(button) {
    const box = button.getBoundingClientRect();
    if (!box.width) return false;
    const found = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return found === null ? null : button.contains(found) || found.contains(button);
  }

  function poll(run) {
    run.nextPoll = Infinity;
    ask(run, run.answer.status_url)
      .then((result) => {
        if (run.over || run.reported) return;
        if (SETTLED.includes(result.state)) arrive(run, result.state, result.url || run.answer.result_url);
        else if (FAILED.includes(result.state) && run.free > 1) fail(run, result.state, result.message);
      })
      .catch(() => undefined)
      .finally(() => {
        run.nextPoll = Date.now() + run.pause;
        run.pause = Math.min(run.pause * 1.3, POLL_AT_MOST_EVERY);
      });
  }

  function lookNow() {
    const waiting = current && current.opened && !current.over && !current.reported;
    if (!waiting || document.hidden || Date.now() - current.opened < POLL_EVERY) return;
    if (current.nextPoll !== Infinity) poll(current);
  }

  // ---- the page's events ----------------------------------------------------------------------------------------

  function onClick(event) {
    const clicked = event.target.closest && event.target.closest(BUTTON + ', [data-portone-again]');
    if (!clicked || clicked.disabled) return;
    const root = clicked.closest('[data-portone-checkout]');
    if (!root) return;
    start(root, part(root, 'pay'), clicked.hasAttribute('data-portone-again'));
  }

  /* Back from the result page: the browser shows this page as it was left, with its buttons held. */
  function onPageShow(event) {
    if (!event.persisted) return;
    const left = current;
    current = null;
    if (left) finish(left);
    release(null);
    document.querySelectorAll('[data-portone-config]').forEach((root) => {
      say(root, '', 'info');
      part(root, 'again').hidden = true;
    });
    // On phones the SDK hides the page while paying; what it hid only a reload brings back.
    if (left && !left.button.getClientRects().length) window.location.reload();
  }

  function preload() {
    const button = document.querySelector(BUTTON + ':not(:disabled)');
    if (button) loadSdk(read(button.closest('[data-portone-checkout]')).sdk_url).catch(() => undefined);
  }

  document.addEventListener('click', onClick, true);
  document.addEventListener('visibilitychange', lookNow);
  window.addEventListener('focus', lookNow);
  window.addEventListener('pageshow', onPageShow);
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', preload);
  else preload();

  window.portoneCheckout = Object.freeze({preload: preload});
})();
