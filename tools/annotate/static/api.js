/** The server's addresses. Paths are relative to the page, /r/k/, so that one module serves every recording. */

/** An error whose message is one sentence to show. `status` 0: no answer at all. */
export class ServerError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError(String(error.message), 0);
  }
  if (answer.ok) return answer;
  throw new ServerError(await sentence(answer), answer.status);
}

async function sentence(answer) {
  const text = await answer.text().catch(() => "");
  try {
    return JSON.parse(text).error || answer.statusText;
  } catch {
    return answer.statusText || `status ${answer.status}`;
  }
}

export async function get(path, signal) {
  return (await ask(path, { signal })).json();
}

export async function getArray(path, type) {
  return new type(await (await ask(path, {})).arrayBuffer());
}

export async function getBlob(path, signal) {
  return (await ask(path, { signal })).blob();
}

export async function post(path, body) {
  return (await postRaw(path, body)).json();
}

export async function postRaw(path, body) {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

export async function upload(path, file) {
  const headers = { "Content-Type": "application/octet-stream" };
  return (await ask(path, { method: "POST", headers, body: file })).json();
}
