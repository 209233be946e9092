/**
 * Relays with one thing broken each, to see that the simulation notices: a check that cannot fail holds
 * nothing. Only the tests ask for them.
 */
import type { Clock } from "../../src/clock.ts";
import { Content } from "../../sync-server/room/content/content.ts";
import { Deadlines } from "../../sync-server/room/session/deadlines.ts";
import { Intake } from "../../sync-server/room/content/intake.ts";
import { Journal } from "../../sync-server/store/journal.ts";
import { Presence } from "../../sync-server/room/presence/presence.ts";
import { Room } from "../../sync-server/room/room.ts";
import { Peer } from "../../sync-server/gateway/peer.ts";
import { RelayHost } from "./relay-host.ts";

/** What is broken, by its name: what that does, and the rules of which one must be found broken. */
export const MUTANTS: Readonly<Record<string, { readonly rules: readonly string[]; readonly apply: () => void }>> = {
  "tells before it has written": {
    rules: ["I3"],
    apply: () => {
      Journal.prototype.afterCommit = (run) => run();
    },
  },
  "never syncs": {
    rules: ["I3"],
    apply: () => {
      const write = Journal.prototype.write;
      Journal.prototype.write = function (this: Journal, each) {
        write.call(this, each, "written");
      };
    },
  },
  "forgets deadlines": {
    rules: ["I1"],
    apply: () => {
      Deadlines.prototype.noticed = () => {};
    },
  },
  "reckons deadlines by the wall clock": {
    rules: ["I1"],
    apply: () => {
      RelayHost.prototype.present = (clock: Clock) => ({ ...clock, now: clock.wallNow });
    },
  },
  "keeps the presence of who is gone": {
    rules: ["I5"],
    apply: () => {
      Presence.prototype.release = () => null;
    },
  },
  "lets nobody go": {
    rules: ["I1"],
    apply: () => {
      Room.prototype.detach = () => {};
    },
  },
  "keeps dead lines": {
    rules: ["I5"],
    apply: () => {
      Peer.prototype.terminate = () => {};
    },
  },
  "does not take back what a power cut cost": {
    // What somebody writes is refused, and so is where they are.
    rules: ["I4", "I5"],
    apply: () => {
      Intake.prototype.recover = () => {};
    },
  },
  "answers SyncStep1 with nothing": {
    rules: ["I4"],
    apply: () => {
      Content.prototype.encodeSince = () => [Uint8Array.of(0, 0)];
    },
  },
  "renews no presence": {
    rules: ["I5"],
    apply: () => {
      Room.prototype.refreshPresence = () => {};
    },
  },
};
