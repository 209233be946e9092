/** What every end-to-end test plays in: one Chromium and one relay a file, and a person per browser context. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, BrowserContextOptions } from "playwright-core";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { findChromium } from "../chromium.ts";
import { createCable } from "./cable.ts";
import type { Cable } from "./cable.ts";
import { ClassroomPage } from "./classroom-page.ts";
import { RelayProcess } from "./relay-process.ts";
import type { MadeRoom } from "./relay-process.ts";
import { PATIENCE_MS } from "./until.ts";

const artifacts = join(import.meta.dirname, "../.artifacts");

/** A room with a host, Ann, and a participant, Ben, who are in its session and see each other. */
export type Class = {
  readonly room: MadeRoom;
  readonly host: ClassroomPage;
  readonly guest: ClassroomPage;
  /** By which the host's, or the guest's, computer reaches the relay. */
  readonly hostCable: Cable;
  readonly guestCable: Cable;
};

export type World = {
  readonly relay: RelayProcess;
  /** Opens a page as somebody new, in a context of their own. The name is kept as the page keeps it. `own`: a context that is theirs already. */
  person(name?: string, options?: BrowserContextOptions, own?: BrowserContext): Promise<ClassroomPage>;
  /** A second page of somebody who is there already: another tab of the same browser. */
  tab(context: BrowserContext): Promise<ClassroomPage>;
  /** `hostAbsenceMs`: a minute unless given, so that it plays no part; `null` is the relay's own limit. */
  inClass(options?: { hostAbsenceMs: number | null }): Promise<Class>;
};

/** Launches the Chromium of the tests. Its sandbox needs a user other than root. */
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
      // A page that has crashed cannot be pictured, and its test says what is wrong.
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
    context.setDefaultTimeout(PATIENCE_MS);
    if (name !== undefined) {
      await context.addInitScript((chosen) => {
        // A blank page has no storage, and a name that was changed since stays.
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
    inClass: async ({ hostAbsenceMs } = { hostAbsenceMs: 60_000 }) => {
      const room = await relay.makeRoom(hostAbsenceMs === null ? {} : { hostAbsenceMs });
      const [hostCable, guestCable] = [await createCable(relay.url), await createCable(relay.url)];
      const [host, guest] = await Promise.all([person("Ann"), person("Ben")]);
      await Promise.all([host.open(hostCable.through(room.hostUrl)), guest.open(guestCable.through(room.inviteUrl))]);
      await Promise.all([host.joined(), guest.joined()]);
      await Promise.all([host.seesPeople(2), guest.seesPeople(2)]);
      return { room, host, guest, hostCable, guestCable };
    },
  };
};
