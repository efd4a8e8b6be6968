/* A scripted IMP: an overlay over the page, and `sdk` through which a test plays the payment window. */
(function () {
  'use strict';
  const overlay = document.createElement('div');
  overlay.style = 'position:fixed;inset:0;background:rgba(0,0,0,.5);display:none';
  document.body.appendChild(overlay);
  const sdk = window.sdk = window.sdk || {inits: [], opened: [], callbacks: [], silent: false, broken: false};
  sdk.close = () => { overlay.style.display = 'none'; };
  sdk.answer = (rsp, index) => {
    sdk.close();
    const callback = sdk.callbacks[index === undefined ? sdk.callbacks.length - 1 : index];
    try { callback(rsp); } catch (error) { console.log(error); }
  };
  window.IMP = {
    init(userCode) { sdk.inits.push(userCode); },
    request_pay(params, callback) {
      if (sdk.broken) throw new Error('the SDK is broken');
      sdk.opened.push(JSON.parse(JSON.stringify(params)));
      Object.assign(params, {request_id: 'req_1', merchant_uid: 'nobody_1'}); // published builds write into what they are given
      sdk.callbacks.push(callback);
      if (!sdk.silent) overlay.style.display = 'block';
    }
  };
})();
