/** The classroom as one person sees it: everything is found by role and accessible name, as a person would. */
import type { BrowserContext, Locator, Page } from "playwright-core";
import { until } from "./until.ts";

export class ClassroomPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Every binary frame that the relay has sent to this page, over all its connections. */
  readonly framesReceived: Buffer[] = [];
  /** Errors that no script of the page has caught. */
  readonly pageErrors: Error[] = [];

  constructor(page: Page) {
    this.page = page;
    this.context = page.context();
    page.on("pageerror", (error) => this.pageErrors.push(error));
    page.on("websocket", (socket) => {
      socket.on("framereceived", ({ payload }) => this.framesReceived.push(Buffer.from(payload)));
    });
  }

  get editor(): Locator {
    return this.page.getByRole("textbox", { name: "Shared notes" });
  }

  get menuButton(): Locator {
    return this.page.getByRole("button", { name: "Session menu", exact: true });
  }

  get leaveItem(): Locator {
    return this.page.getByRole("menuitem", { name: "Leave Session", exact: true });
  }

  get endButton(): Locator {
    return this.page.getByRole("button", { name: "End Session", exact: true });
  }

  get startButton(): Locator {
    return this.page.getByRole("button", { name: "Start Session", exact: true });
  }

  get rejoinLink(): Locator {
    return this.page.getByRole("link", { name: "Rejoin the session?", exact: true });
  }

  get dialog(): Locator {
    return this.page.getByRole("alertdialog");
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  heading(name: string): Locator {
    return this.page.getByRole("heading", { name, exact: true });
  }

  async open(url: string): Promise<this> {
    await this.page.goto(url);
    return this;
  }

  /** Waits until the content shows and the person is in. */
  async joined(): Promise<this> {
    await this.editor.waitFor();
    await this.menuButton.waitFor();
    return this;
  }

  async waiting(): Promise<this> {
    await this.heading("The session has not started yet").waitFor();
    return this;
  }

  async left(): Promise<this> {
    await this.heading("You have left the session").waitFor();
    return this;
  }

  /** Waits for the ended screen and, if given, for its reason. */
  async ended(reason?: string, patienceMs?: number): Promise<this> {
    const timeout = patienceMs === undefined ? {} : { timeout: patienceMs };
    await this.heading("The session has ended").waitFor(timeout);
    if (reason !== undefined) await this.page.getByText(reason).waitFor(timeout);
    return this;
  }

  async reconnecting(): Promise<this> {
    await this.page.getByRole("status").filter({ hasText: "Reconnecting" }).first().waitFor();
    return this;
  }

  /** Waits until the line to the relay is sound again; on other screens than the session's that is no news. */
  async connected(): Promise<this> {
    await this.page
      .getByRole("status")
      .filter({ hasText: /connecting/i })
      .waitFor({ state: "detached" });
    return this;
  }

  /** Adds to the end of the shared text. */
  async type(text: string): Promise<void> {
    await this.editor.click();
    await this.page.keyboard.press("ControlOrMeta+End");
    await this.page.keyboard.insertText(text);
  }

  /** The text as it stands in the editor, without the names at others' cursors. */
  async text(): Promise<string> {
    return this.page.evaluate(() =>
      [...document.querySelectorAll(".cm-line")]
        .map((line) => {
          const copy = line.cloneNode(true) as HTMLElement;
          for (const widget of copy.querySelectorAll("[contenteditable=false], .cm-ySelectionCaret, .cm-placeholder")) {
            widget.remove();
          }
          // The caret of another person is framed by word joiners.
          return (copy.textContent ?? "").replaceAll("\u2060", "");
        })
        .join("\n"),
    );
  }

  async sees(text: string): Promise<this> {
    await until(`the editor shows "${text}"`, async () => (await this.text()).includes(text));
    return this;
  }

  /** Waits until so many persons are said to be here, oneself included. */
  async seesPeople(count: number, patienceMs?: number): Promise<this> {
    const name = count === 1 ? "1 person here" : `${count} people here`;
    await this.button(name).waitFor(patienceMs === undefined ? {} : { timeout: patienceMs });
    return this;
  }

  /** The list of who is here, one line a person, as read out. */
  async people(): Promise<string[]> {
    const button = this.page.getByRole("button", { name: /\b(person|people) here$/ });
    if ((await button.getAttribute("aria-expanded")) !== "true") await button.click();
    const items = this.page.getByRole("group", { name: "People here" }).getByRole("listitem");
    const lines = await items.allInnerTexts();
    await this.page.keyboard.press("Escape");
    return lines.map((line) => line.replaceAll(/\s+/g, " ").trim());
  }

  async openLeaveDialog(): Promise<void> {
    await this.menuButton.click();
    await this.leaveItem.click();
    await this.dialog.waitFor();
  }

  async leave(): Promise<this> {
    await this.openLeaveDialog();
    await this.button("Yes").click();
    return this.left();
  }

  async end(): Promise<this> {
    await this.endButton.click();
    await this.button("Yes, End Session").click();
    return this.ended();
  }

  /** Ends the page as a fault in the browser would. */
  async crash(): Promise<void> {
    const session = await this.context.newCDPSession(this.page);
    const crashed = this.page.waitForEvent("crash");
    // The answer never comes.
    session.send("Page.crash").catch(() => undefined);
    await crashed;
  }

  /** Whether any frame from the relay held this text. Yjs keeps text as plain UTF-8. */
  hasReceived(text: string): boolean {
    return this.framesReceived.some((frame) => frame.includes(text));
  }
}
