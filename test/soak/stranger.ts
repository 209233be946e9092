/** Somebody who does not belong here: without a good token, or with frames that mean nothing. */
import { WebSocket } from "ws";
import { CloseCode } from "../../src/protocol/close-codes.ts";
import type { Random } from "../random.ts";
import { countOne } from "./findings.ts";
import type { SoakRoom } from "./soak-room.ts";
import type { World } from "./world.ts";

/** How long the relay may take to show them the door, in real ms. */
const PATIENCE_MS = 5_000;
const TOKEN_MS = 3_600_000;

/** An update that is none. Outside a live run nobody reads updates (W5), so nobody finds out. */
const BAD_UPDATE = Uint8Array.of(0, 2, 5, 255, 255, 255, 255, 255);

type Attempt = { readonly token: string; readonly frame: Uint8Array | string | null; readonly code: number };

const attempt = async ({ relay, clock }: World, room: SoakRoom, random: Random): Promise<Attempt> => {
  const { status } = await relay.describe(room.name);
  const sign = (name: string, expiresAt: number) => relay.token({ room: name, role: "participant", expiresAt });
  const now = clock.now();
  const good = await sign(room.name, now + TOKEN_MS);
  return random.pick<Attempt>([
    { token: "no token at all", frame: null, code: CloseCode.unauthorized },
    { token: `${good.slice(0, -4)}AAAA`, frame: null, code: CloseCode.unauthorized },
    { token: await sign(room.name, now - TOKEN_MS), frame: null, code: CloseCode.unauthorized },
    { token: await sign(`${room.name}-next-door`, now + TOKEN_MS), frame: null, code: CloseCode.forbidden },
    { token: good, frame: status === "live" ? BAD_UPDATE : "Good morning", code: CloseCode.badMessage },
    { token: good, frame: Uint8Array.of(77, 1, 2, 3), code: CloseCode.badMessage },
    { token: good, frame: "Is this the right room?", code: CloseCode.badMessage },
  ]);
};

/** Comes, and must be sent away with the right code. A live room sees them for a moment, so all hold still. */
export const sendStranger = async (world: World, room: SoakRoom, random: Random): Promise<void> => {
  const { findings, relay } = world;
  const { token, frame, code } = await attempt(world, room, random);
  const release = room.hold();
  try {
    const socket = new WebSocket(`${relay.wsUrl}/${encodeURIComponent(room.name)}?token=${token}`);
    const got = await new Promise<number>((resolve) => {
      const timer = setTimeout(() => resolve(0), PATIENCE_MS);
      socket.on("open", () => {
        if (frame !== null) socket.send(frame);
      });
      socket.on("error", () => {});
      socket.on("close", (closeCode) => {
        clearTimeout(timer);
        resolve(closeCode);
      });
    });
    socket.terminate();
    findings.strangers++;
    const isUnread = got === 0 && frame === BAD_UPDATE && (await relay.describe(room.name)).status !== "live";
    if (isUnread) return;
    // A room whose session is over has nobody in it who could say anything.
    if (got === code || (got === CloseCode.sessionEnded && frame !== null)) countOne(findings.closes, got);
    else findings.add("unexpected closes", `${room.name}, a stranger: ${got || "none"} instead of ${code}`);
  } finally {
    release();
  }
};
