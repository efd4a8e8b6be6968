/* The sandbox's IMP: speaks to the page as PortOne V1's current /v1/iamport.js does, and to the sandbox it was loaded from. */
(function () {
  "use strict";

  var script = document.currentScript || document.querySelector('script[src*="/v1/iamport.js"]');
  var source = new URL(script.src, window.location.href);
  var openAddress = new URL("window/open", source);
  var isLegacy = source.searchParams.get("legacy") === "1";
  var account = null;
  var opened = 0;
  var showing = 0;
  var scroll = "";

  function init(userCode) {
    account = { userCode: userCode, tierCode: null };
  }

  function agency(userCode, tierCode) {
    account = { userCode: userCode, tierCode: tierCode };
  }

  function requestPay(params, callback) {
    var deliver = once(callback);
    if (!params || typeof params !== "object") {
      return deliver(refusal({}, "INVALID_PARAMS", "결제 파라미터가 객체가 아닙니다."));
    }
    if (!account || !account.userCode) {
      return deliver(refusal(params, "NOT_READY", "IMP.init()을 먼저 호출해 주세요."));
    }
    fill(params);
    var problem = argumentProblem(params);
    if (problem) {
      console.error("[portone sandbox] " + problem);
      return deliver(refusal(params, "INVALID_PARAMS", problem));
    }
    var isMobile = isPhone();
    if (isMobile && typeof callback !== "function") {
      return window.alert("콜백 함수가 없어 결제창을 열 수 없습니다.");
    }
    open(params, isMobile, deliver);
  }

  /* Like the published builds, into the object itself: callers must pass a fresh one each time. */
  function fill(params) {
    params.request_id = "req_" + Date.now();
    if (!params.pay_method) params.pay_method = "card";
    if (params.merchant_uid === undefined || params.merchant_uid === null) {
      params.merchant_uid = "nobody_" + Date.now();
    }
  }

  function argumentProblem(params) {
    if (typeof params.amount !== "number" || !isFinite(params.amount)) return "amount는 숫자(number)여야 합니다.";
    if (typeof params.merchant_uid !== "string") return "merchant_uid는 문자열(string)이어야 합니다.";
    return null;
  }

  function open(params, isMobile, deliver) {
    var known = { merchant_uid: params.merchant_uid };
    var body = {
      user_code: account.userCode,
      tier_code: account.tierCode,
      device: isMobile ? "mobile" : "pc",
      legacy: isLegacy,
      origin: window.location.origin,
      params: params,
    };
    fetch(openAddress.href, {
      method: "POST",
      credentials: "omit",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    })
      .then(function (response) {
        return response.json();
      })
      .then(
        function (answer) {
          if (answer.refusal) return deliver(asRefused(answer.refusal));
          if (!answer.token) return deliver(refusal(known, "INVALID_PARAMS", answer.error));
          var address = new URL("./" + answer.token + "/", openAddress).href;
          if (isMobile) window.location.assign(address);
          else showWindow(address, deliver);
        },
        function (error) {
          console.error("[portone sandbox] " + openAddress.href + " did not answer", error);
          deliver(refusal(known, "NETWORK_ERROR", "결제 서버에 연결할 수 없습니다."));
        }
      );
  }

  /* PC: a dimmed page with the window in its middle. Styles are set one by one, which every CSP allows. */
  function showWindow(address, deliver) {
    var before = document.activeElement;
    var dim = document.createElement("div");
    var frame = document.createElement("iframe");
    dim.setAttribute("role", "dialog");
    dim.setAttribute("aria-modal", "true");
    dim.setAttribute("aria-label", "결제창");
    dim.setAttribute("data-testid", "portone-overlay");
    dress(dim, {
      position: "fixed",
      inset: "0",
      "z-index": "2147483647",
      display: "flex",
      "align-items": "center",
      "justify-content": "center",
      background: "rgba(15, 18, 24, 0.62)",
    });
    opened += 1;
    frame.name = "portone-window-" + opened;
    frame.title = "결제창";
    frame.setAttribute("data-testid", "portone-window");
    dress(frame, {
      width: "min(880px, 96vw)",
      height: "min(700px, 94vh)",
      border: "0",
      outline: "0",
      "border-radius": "10px",
      background: "#fff",
      "box-shadow": "0 24px 70px rgba(0, 0, 0, 0.45)",
    });
    dim.appendChild(frame);
    document.body.appendChild(dim);
    if (showing === 0) scroll = document.documentElement.style.overflow;
    showing += 1;
    document.documentElement.style.overflow = "hidden";
    window.addEventListener("message", hear);
    frame.src = address;
    frame.focus();

    function hear(event) {
      if (event.source !== frame.contentWindow || event.origin !== source.origin) return;
      if (!event.data || !event.data.portone_sandbox) return;
      window.removeEventListener("message", hear);
      dim.remove();
      showing -= 1;
      if (showing === 0) document.documentElement.style.overflow = scroll;
      if (before && before.focus) before.focus();
      if (event.data.portone_sandbox === "answered") deliver(event.data.rsp);
    }
  }

  function dress(element, styles) {
    Object.keys(styles).forEach(function (name) {
      element.style.setProperty(name, styles[name]);
    });
  }

  function isPhone() {
    if (/Android|iPhone|iPad|iPod|Windows Phone|Mobile/i.test(window.navigator.userAgent)) return true;
    var isNarrow = window.matchMedia("(max-width: 640px)").matches;
    return isNarrow && window.navigator.maxTouchPoints > 0 && window.matchMedia("(pointer: coarse)").matches;
  }

  function refusal(params, code, message) {
    return asRefused({
      imp_uid: null,
      merchant_uid: params.merchant_uid === undefined ? null : params.merchant_uid,
      error_code: code,
      error_msg: message,
    });
  }

  function asRefused(rsp) {
    return isLegacy ? Object.assign({ success: false }, rsp) : rsp;
  }

  /* A second answer is not delivered; what the callback throws only reaches the log. */
  function once(callback) {
    var isTold = false;
    return function (rsp) {
      if (isTold) return;
      isTold = true;
      if (typeof callback !== "function") return;
      try {
        callback(rsp);
      } catch (error) {
        console.log(error);
      }
    };
  }

  function certification(params, callback) {
    once(callback)({
      success: false,
      imp_uid: null,
      merchant_uid: (params && params.merchant_uid) || null,
      error_code: "NOT_AVAILABLE",
      error_msg: "샌드박스는 본인인증을 제공하지 않습니다.",
    });
  }

  function loadModule() {
    return Promise.resolve({});
  }

  window.IMP = {
    init: init,
    agency: agency,
    request_pay: requestPay,
    certification: certification,
    loadModule: loadModule,
  };
})();
