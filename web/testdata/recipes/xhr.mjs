// XMLHttpRequest as far as a stream needs it, on fetch: Node.js has none.
globalThis.XMLHttpRequest = class XMLHttpRequest extends EventTarget {
  static HEADERS_RECEIVED = 2;
  status = 0;
  readyState = 0;
  responseText = "";
  #headers = {};
  #received = "";
  #stop = new AbortController();

  open(method, url) { this.url = url; }
  setRequestHeader(name, value) { this.#headers[name] = value; }
  getAllResponseHeaders() { return this.#received; }
  abort() { this.#stop.abort(); }
  #tell(type) { this.dispatchEvent(new Event(type)); }

  async send() {
    try {
      const response = await fetch(this.url, { headers: this.#headers, signal: this.#stop.signal });
      this.status = response.status;
      this.#received = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\r\n");
      this.readyState = 2;
      this.#tell("readystatechange");
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        this.responseText += text;
        this.#tell("progress");
      }
      this.readyState = 4;
      this.#tell("load");
    } catch {
      this.status = 0;
      this.#tell(this.#stop.signal.aborted ? "abort" : "error");
    }
  }
};
