// What visitors of a page do, sent to Zap's collector at least once; and its predictions.
//
// docs/collect-script.md says what a page may ask of this, zap.d.ts has the types. It is
// served as serving.py makes it small: without comments and spaces, and with a letter in
// place of each name that begins with an underscore. So no such name is a property, every
// statement ends with a semicolon, and no text has a space beside punctuation.
(() => {
  const _early = window.zap;
  if (_early?.track) return;
  const _script = document.currentScript;
  const _set = _script.dataset;
  const _url = new URL("/v1/collect", _set.collect ?? _script.src);
  const _off = navigator.doNotTrack == 1 || navigator.globalPrivacyControl;
  const _json = JSON.stringify;
  const _random = () => crypto.getRandomValues(new Uint32Array(4)).join("");

  // Kept in the site's own storage; where that is closed or full, in this page.
  let _store = {};
  try {
    _store = localStorage ?? _store;
  } catch {}
  const _save = (_name, _value) => {
    if (_off) return;
    try {
      if (_value) _store[_name] = _value;
      else delete _store[_name];
    } catch {
      _store = { ..._store, [_name]: _value };
    }
  };

  // The visitor: {anonymous_id, token, expires, renew}. With an API the id is from
  // there, as only its token proves it; until there is one, events have no id. Tokens
  // are renewed at half of their life, so whoever comes back in time stays the same.
  const _visitor = () => JSON.parse(_store["zap.visitor"] ?? "{}");
  const _keep = (_given) => {
    const _renew = (Date.now() + _given.expires * 1e3) / 2;
    _save("zap.visitor", _json({ ..._given, renew: _renew }));
    return _given.anonymous_id;
  };
  const _own = () => _visitor().anonymous_id ?? _keep({ anonymous_id: _random() });
  const _ask = async (_name, _given, _token) => {
    const _answer = await fetch(_set.api + "/v1/" + _name, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Authorization: "Bearer " + _set.apiKey,
        ...(_token && { "Zap-Visitor": _token }),
      },
      body: _json(_given),
      signal: AbortSignal.timeout(4e3),
    });
    const _said = await _answer.json();
    if (_answer.ok) return _said;
    throw Object.assign(Error(_said.error.message), _said.error);
  };
  let _asking;
  const _proven = () => _asking ||= (async () => {
    const { token: _token, renew: _renew } = _visitor();
    if (!(_renew > Date.now())) _keep(await _ask("visitors", {}, _token));
    return _visitor();
  })().finally(() => _asking = 0);

  // Events wait in their order, by their names in the storage, until they are taken.
  const _queue = new Map();
  let _flying, _timer, _stop, _air = [], _lost = 0, _pause = 1e3;
  const _forget = (_name) => {
    _queue.delete(_name);
    _save(_name);
  };
  const _batch = () => {
    let _room = 18e3;
    return [..._queue.keys()].filter((_name) =>
      !_air.includes(_name) && (_room -= _queue.get(_name).length) > 0);
  };
  const _body = (_names) =>
    `{"key":${_json(_set.key)},"sent_at":${_json(new Date())},"lost":${_lost},"events":[${
      _names.map((_name) =>
        _queue.get(_name).replace(/^{"e/, () => `{"anonymous_id":${_json(_own())},"e`))}]}`;
  const _later = (_ms) => {
    _timer ||= setTimeout(() => {
      _timer = 0;
      _flush();
    }, _ms);
  };
  const _flush = () => _flying ||= (async () => {
    if (_set.api && !_visitor().token) await _proven().catch(_own);
    let _names;
    while (!_stop && (_names = _air = _batch())[0]) {
      const _told = _lost;
      let _status = 500;
      try {
        const _answer = await fetch(_url, {
          method: "POST",
          body: _body(_names),
          keepalive: true,
        });
        _status = _answer.status;
        // Until it is read, it counts among the 64 KB that may be on their way.
        await _answer.text();
      } catch {}
      const _bad = _status == 400 || _status == 413;
      if (_bad || _status < 300) {
        _lost += _bad ? _names.length : -_told;
        _names.map(_forget);
        _pause = 1e3;
      } else if (_status < 405) _stop = 1;
      else {
        _later(_pause * (1 + Math.random()));
        _pause = Math.min(_pause * 2, 6e4);
        break;
      }
    }
  })().finally(() => {
    _flying = 0;
    _air = [];
  });
  const _add = (_type, _more) => {
    if (_off) return;
    try {
      const _id = _random();
      const _name = "zap.e" + Date.now() + _id;
      const _text = _json({
        anonymous_id: _set.api ? _visitor().token && _visitor().anonymous_id : _own(),
        event_id: _id,
        user_id: _store["zap.user"],
        timestamp: new Date(),
        type: "" + _type,
        url: _page,
        referrer: _from,
        ..._more,
      });
      if (_text.length > 15e3) throw Error("too large");
      _queue.set(_name, _text);
      _save(_name, _text);
      if (_queue.size > 100) {
        _forget(_queue.keys().next().value);
        _lost++;
      }
      _later(100);
    } catch (_error) {
      _lost++;
      console.warn("zap", _error);
    }
  };

  // Pages, and how long each was in sight.
  let _page = "", _from = document.referrer, _since;
  const _seen = () => {
    const _now = performance.now();
    if (_since) _add("time_on_page", { properties: { seconds: (_now - _since) / 1e3 } });
    _since = document.hidden ? 0 : _now;
  };
  const _view = () => {
    _seen();
    _from = _page || _from;
    _page = location.href;
    _add("page_view");
  };
  // A fragment is another page only where it is a route: #/cart, #!cart.
  const _bare = (_name) => _name.replace(/#(?![/!]).*/, "");
  const _route = () => _bare(location.href) != _bare(_page) && _view();
  const _on = (_name, _react) => addEventListener(_name, _react, true);
  const _start = () => {
    _view();
    for (const _name of ["pushState", "replaceState"]) {
      const _was = history[_name];
      history[_name] = (..._given) => {
        _was.apply(history, _given);
        _route();
      };
    }
    _on("popstate", _route);
    _on("online", _flush);
    _on("visibilitychange", () => {
      _seen();
      _flush();
    });
    _on("pagehide", () => {
      _seen();
      _since = 0;
      // Not forgotten, as nobody will say whether it came: repeats go by their ids.
      if ((_air = _batch())[0]) navigator.sendBeacon(_url, _body(_air));
    });
    _on("pageshow", (_event) => _event.persisted && _view());
    if (_set.clicks != null) _on("click", (_event) => {
      const _hit = _event.target.closest("a,button,[role=button]");
      if (_hit) _add("click", {
        properties: {
          id: _hit.id,
          text: _hit.textContent.trim().slice(0, 80),
          href: _hit.getAttribute("href"),
        },
      });
    });
    zap.push(...(_early ?? []));
  };

  window.zap = {
    track: (_type, _more) => _add(_type, { properties: _more }),
    identify: (_id, _more) => {
      _save("zap.user", _id);
      _add("identify", { traits: _more });
    },
    reset: () => {
      _save("zap.user");
      _save("zap.visitor");
    },
    visitor: _keep,
    predict: async (_name, _more, _again) => {
      if (_off) return null;
      _flush();
      try {
        const { anonymous_id: _id, token: _token } = await _proven();
        return await _ask("predictions/" + _name, { ..._more, subject: _id }, _token);
      } catch (_error) {
        if (_again || !/^visitor/.test(_error.code)) throw _error;
        _keep({ anonymous_id: _own() });
        return zap.predict(_name, _more, 1);
      }
    },
    push: (..._calls) => _calls.map(([_name, ..._given]) => zap[_name](..._given)),
  };
  for (const _name of Object.keys(_store).sort()) {
    if (_name.startsWith("zap.")) {
      if (_off) delete _store[_name];
      else if (_name[4] == "e") _queue.set(_name, _store[_name]);
    }
  }
  if (!_off) document.prerendering ? _on("prerenderingchange", _start) : _start();
})();
