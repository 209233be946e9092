/** The errors of the room client: their codes, and texts that people can read. */
import { describe, expect, it } from "vitest";
import {
  badSettings,
  blockedAddressError,
  closeError,
  disconnectedError,
  lostEditsError,
  noAnswerError,
} from "../../../src/client/room-errors.ts";
import { checkRoomName, checkToken, toRelayUrl } from "../../../src/client/relay-address.ts";
import { RoomError } from "../../../src/client/room-state.ts";

const thrown = (run: () => void): RoomError => {
  try {
    run();
  } catch (error) {
    if (error instanceof RoomError) return error;
  }
  throw new Error("no RoomError was thrown");
};

describe("the error of a final close code", () => {
  it("[W4] has the reason of the close frame, if there is one", () => {
    expect(closeError(4413, "limit of 7 bytes")).toMatchObject({
      code: "too-large",
      message: "Something in this session is larger than is allowed. (limit of 7 bytes)",
    });
    expect(closeError(4413, "").message).toBe("Something in this session is larger than is allowed.");
  });

  it("[W4] is `forbidden`, with the number, for a code that this version does not know", () => {
    expect(closeError(4499, "")).toMatchObject({ code: "forbidden", message: expect.stringContaining("4499") });
  });
});

describe("every text", () => {
  it("names no part of the system, and ends in a full stop", () => {
    const errors = [
      ...[4400, 4401, 4403, 4404, 4413, 4499].map((code) => closeError(code, "")),
      blockedAddressError(),
      disconnectedError(),
      lostEditsError(),
      noAnswerError(10_000),
      thrown(() => toRelayUrl("")),
      thrown(() => checkRoomName("")),
      thrown(() => checkToken("")),
      thrown(() => checkToken("a b")),
    ];
    for (const { message } of errors) {
      expect(message).not.toMatch(/relay/i);
      expect(message).toMatch(/\.$/);
    }
    expect(badSettings("Wrong.").code).toBe("bad-settings");
  });
});
