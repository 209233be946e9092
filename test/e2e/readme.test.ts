/**
 * Tests the README: its page works exactly as printed, and its picture shows the real classroom.
 * `UPDATE_SCREENSHOT=1 npm test -- e2e` takes a new picture.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { describe, expect, it, onTestFinished } from "vitest";
import { findChromium } from "../chromium.ts";
import { until } from "./until.ts";
import { createWorld } from "./world.ts";

const root = join(import.meta.dirname, "../..");
const readme = readFileSync(join(root, "README.md"), "utf8");
const world = createWorld();

/** Serves one page at an origin other than the relay's. */
const servePage = async (html: string): Promise<string> => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

describe("the README", () => {
  it("[W1] its minimal page works exactly as printed", async () => {
    const html = /```html\n(.*?)```/s.exec(readme)![1]!;
    const pageUrl = await servePage(html);
    // The page names port 1234, but the relays of the tests listen on any free port.
    const { host: relayHost, port } = new URL(world.relay.url);
    const browser = await chromium.launch({
      executablePath: findChromium(),
      args: [
        ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
        `--host-resolver-rules=MAP localhost:1234 127.0.0.1:${port}`,
      ],
    });
    onTestFinished(() => browser.close());
    expect(relayHost).toContain(port);

    const room = await world.relay.makeRoom();
    const [ann, ben] = [await browser.newPage(), await browser.newPage()];
    const errors: Error[] = [];
    for (const page of [ann, ben]) page.on("pageerror", (error) => errors.push(error));
    await ann.goto(pageUrl + room.hostUrl.slice(world.relay.url.length));
    await ben.goto(pageUrl + room.inviteUrl.slice(world.relay.url.length));
    await ann.getByRole("heading", { name: "Our list" }).waitFor();
    for (const [page, line] of [
      [ann, "Milk"],
      [ben, "<b>Bread</b>"],
    ] as const) {
      await page.getByRole("textbox", { name: "New line" }).fill(line);
      await page.getByRole("button", { name: "Add" }).click();
    }
    for (const page of [ann, ben]) {
      await until("both lines are on the list", async () => {
        const lines = await page
          .getByRole("main")
          .or(page.locator("session-room > ul"))
          .getByRole("listitem")
          .allInnerTexts();
        return lines.includes("Milk") && lines.includes("<b>Bread</b>");
      });
    }
    await ann.getByRole("button", { name: "End Session" }).click();
    await ann.getByRole("button", { name: "Yes, End Session" }).click();
    await ben.getByRole("heading", { name: "The session has ended" }).waitFor();
    expect(errors).toEqual([]);
  });

  it("[U1] its picture shows two people, their cursors, and the host's bar", async () => {
    const room = await world.relay.makeRoom({ room: "Botany, first lesson", hostAbsenceMs: 60_000 });
    const look = { viewport: { width: 1100, height: 500 }, deviceScaleFactor: 2, colorScheme: "light" as const };
    const [host, guest] = [await world.person("Ann Lee", look), await world.person("Ben Okafor", look)];
    await host.open(room.hostUrl);
    await host.joined();
    await guest.open(room.inviteUrl);
    await guest.joined();
    await host.type(
      "# What plants need\n\nLight, water, and something to hold on to.\n\n- Roots take up water and minerals.\n- Leaves turn light into sugar.\n\n",
    );
    await guest.sees("sugar.");
    await guest.type("Next week: what soil is made of");
    await host.sees("made of");
    await host.editor.locator("text=Light, water").click();
    await host.seesPeople(2);
    await host.editor.getByText("Ben Okafor").waitFor({ state: "attached" });
    await guest.editor.getByText("Ann Lee").waitFor({ state: "attached" });
    const update = Boolean(process.env["UPDATE_SCREENSHOT"]);
    const path = join(root, update ? "docs/images/classroom.png" : "test/.artifacts/classroom.png");
    mkdirSync(join(path, ".."), { recursive: true });
    const picture = await host.page.screenshot({ path, animations: "disabled", caret: "hide" });
    expect(picture.length).toBeGreaterThan(10_000);
  });
});
