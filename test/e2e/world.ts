/** The fixture of the end-to-end tests: one Chromium and one relay per file, and one browser context per person. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, BrowserContextOptions } from "playwright-core";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { findChromium } from "../chromium.ts";
import { createEmulatedNetwork } from "../network/emulated-network.ts";
import type { EmulatedNetwork } from "../network/emulated-network.ts";
import { ClassroomPage } from "./classroom-page.ts";
import { RelayProcess } from "./relay-process.ts";
import type { MadeRoom } from "./relay-process.ts";
import { TIMEOUT_MS } from "./until.ts";

const artifacts = join(import.meta.dirname, "../.artifacts");

/** A room with a host, Ann, and a participant, Ben, who have joined its session and see each other. */
export type Classroom = {
  readonly room: MadeRoom;
  readonly host: ClassroomPage;
  readonly guest: ClassroomPage;
  /** The network between the host, or the guest, and the relay. */
  readonly hostNetwork: EmulatedNetwork;
  readonly guestNetwork: EmulatedNetwork;
};

export type World = {
  readonly relay: RelayProcess;
  /** Opens a page as a new person, in a new context or in `own`. The name is put where the page stores it. */
  person(name?: string, options?: BrowserContextOptions, own?: BrowserContext): Promise<ClassroomPage>;
  /** Opens another tab in a person's context. */
  tab(context: BrowserContext): Promise<ClassroomPage>;
  /** `hostAbsenceMs`: a minute by default, so that it does not elapse in a test; `null`: the relay's limit. */
  openClassroom(options?: { hostAbsenceMs: number | null }): Promise<Classroom>;
};

/** Launches the Chromium of the tests, without its sandbox for root, for whom that does not work. */
export const launchBrowser = (...args: string[]): Promise<Browser> =>
  chromium.launch({
    executablePath: findChromium(),
    args: process.getuid?.() === 0 ? ["--no-sandbox", ...args] : args,
  });

/** Call at the top of a test file. `env` adds to the relay's settings. */
export const createWorld = (env: Record<string, string> = {}): World => {
  let browser: Browser;
  let relay: RelayProcess;
  let opened = 0;
  beforeAll(async () => {
    [browser, relay] = await Promise.all([launchBrowser(), RelayProcess.start(env)]);
  });
  afterAll(async () => {
    await browser?.close();
    await relay?.stop();
  });

  const tab = async (context: BrowserContext): Promise<ClassroomPage> => {
    const page = await context.newPage();
    onTestFinished(async ({ task }) => {
      if (task.result?.state !== "fail" || page.isClosed()) return;
      mkdirSync(artifacts, { recursive: true });
      const name = `${task.name}-${opened++}`.replaceAll(/[^\w-]+/g, "_");
      // A crashed page cannot be captured.
      await page.screenshot({ path: join(artifacts, `${name}.png`) }).catch(() => undefined);
    });
    return new ClassroomPage(page);
  };

  const newContext = async (options: BrowserContextOptions): Promise<BrowserContext> => {
    const context = await browser.newContext(options);
    onTestFinished(() => context.close());
    return context;
  };

  const person = async (
    name?: string,
    options: BrowserContextOptions = {},
    own?: BrowserContext,
  ): Promise<ClassroomPage> => {
    const context = own ?? (await newContext(options));
    context.setDefaultTimeout(TIMEOUT_MS);
    if (name !== undefined) {
      await context.addInitScript((chosen) => {
        // A blank page has no storage. A name that the test has changed since is kept.
        if (origin !== "null") localStorage["session-room.name"] ??= chosen;
      }, name);
    }
    return tab(context);
  };

  return {
    get relay() {
      return relay;
    },
    tab,
    person,
    openClassroom: async ({ hostAbsenceMs } = { hostAbsenceMs: 60_000 }) => {
      const room = await relay.makeRoom(hostAbsenceMs === null ? {} : { hostAbsenceMs });
      const [hostNetwork, guestNetwork] = [
        await createEmulatedNetwork(relay.url),
        await createEmulatedNetwork(relay.url),
      ];
      const [host, guest] = await Promise.all([person("Ann"), person("Ben")]);
      await Promise.all([
        host.open(hostNetwork.through(room.hostUrl)),
        guest.open(guestNetwork.through(room.inviteUrl)),
      ]);
      await Promise.all([host.joined(), guest.joined()]);
      await Promise.all([host.seesPeople(2), guest.seesPeople(2)]);
      return { room, host, guest, hostNetwork, guestNetwork };
    },
  };
};
