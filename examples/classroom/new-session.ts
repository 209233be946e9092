/** Makes a new room by the relay's HTTP API, with texts for its refusals. */

export type NewSession = {
  readonly room: string;
  /** Addresses with tokens in their fragments. Each admits whoever has it. */
  readonly hostUrl: string;
  readonly inviteUrl: string;
};

export type Outcome =
  | { readonly ok: true; readonly session: NewSession }
  | { readonly ok: false; readonly needsKey: boolean; readonly message: string };

/** @param key the operator's key; empty if the relay needs none. */
export const makeSession = async (room: string, key: string): Promise<Outcome> => {
  let answer: Response;
  try {
    answer = await fetch("v1/rooms", {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(key !== "" && { Authorization: `Bearer ${key}` }) },
      body: JSON.stringify(room === "" ? {} : { room }),
    });
  } catch {
    return { ok: false, needsKey: false, message: "The server does not answer. Is it running?" };
  }
  if (answer.ok) return { ok: true, session: (await answer.json()) as NewSession };
  if (answer.status === 401 || answer.status === 403) {
    const message = key === "" ? "Only the operator can make sessions here." : "This admin key is not accepted.";
    return { ok: false, needsKey: true, message };
  }
  if (answer.status === 409) {
    return {
      ok: false,
      needsKey: false,
      message: "There is a session of this name. Choose another, or leave the name out.",
    };
  }
  const problem = (await answer.json().catch(() => null)) as { detail?: string } | null;
  return { ok: false, needsKey: false, message: problem?.detail ?? `The server answered ${answer.status}.` };
};
