// Calls to the control API.

/** Call it; throw an Error with its reason when it refuses. */
export async function call(method, path, body) {
  const request = { method };
  if (body !== undefined) {
    request.headers = { "Content-Type": "application/json" };
    request.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(`/control${path}`, request);
  } catch {
    throw new Error("The simulator does not answer.");
  }
  const text = await response.text();
  const answer = text ? JSON.parse(text) : {};
  if (!response.ok) throw new Error(answer.error);
  return answer;
}
