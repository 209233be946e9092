/**
 * A browser whose tabs can be in the background and frozen, and which can be suspended as a whole, as by
 * a computer that sleeps. Playwright's own contexts keep every page visible, and a visible page is never
 * frozen (Chromium 156).
 */
import { chromium } from "playwright-core";
import type { BrowserContext, Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { freePort } from "../free-port.ts";
import { launchBrowser } from "./world.ts";

type SuspendableBrowser = {
  /** The browser's default context, with its one window. */
  readonly context: BrowserContext;
  /** Brings another tab to the front and freezes the page, as the browser does to save energy. */
  freeze(page: Page): Promise<void>;
  unfreeze(page: Page): Promise<void>;
  /** Stops every process of the browser (SIGSTOP). Its pages cannot be used until `wake`. */
  sleep(): Promise<void>;
  wake(): void;
};

export const openSuspendableBrowser = async (): Promise<SuspendableBrowser> => {
  const port = await freePort();
  const launched = await launchBrowser(`--remote-debugging-port=${port}`);
  const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`, { noDefaults: true });
  const context = browser.contexts()[0]!;
  const devtools = await launched.newBrowserCDPSession();
  let stopped: readonly number[] = [];
  const wake = (): void => {
    for (const pid of stopped) process.kill(pid, "SIGCONT");
    stopped = [];
  };
  onTestFinished(async () => {
    wake();
    await browser.close();
    await launched.close();
  });
  const setState = async (page: Page, state: "frozen" | "active"): Promise<void> => {
    const session = await context.newCDPSession(page);
    await session.send("Page.setWebLifecycleState", { state });
    await session.detach();
  };
  return {
    context,
    freeze: async (page) => {
      const other = await context.newPage();
      await other.bringToFront();
      await setState(page, "frozen");
    },
    unfreeze: async (page) => {
      await page.bringToFront();
      await setState(page, "active");
    },
    sleep: async () => {
      const { processInfo } = await devtools.send("SystemInfo.getProcessInfo");
      stopped = processInfo.map(({ id }) => id);
      for (const pid of stopped) process.kill(pid, "SIGSTOP");
    },
    wake,
  };
};
