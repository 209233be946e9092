/** Page object of the classroom: elements are found by role and accessible name, as a person finds them. */
import type { BrowserContext, Locator, Page } from "playwright-core";
import { until } from "./until.ts";

export class ClassroomPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Every frame that the relay has sent to this page, over all its connections. */
  readonly framesReceived: Buffer[] = [];
  /** Uncaught errors of the page. */
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

  /** Waits until the person has joined and the content is visible. */
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

  /** Waits for the ended screen and, if given, its reason. */
  async ended(reason?: string, timeoutMs?: number): Promise<this> {
    const timeout = timeoutMs === undefined ? {} : { timeout: timeoutMs };
    await this.heading("The session has ended").waitFor(timeout);
    if (reason !== undefined) await this.page.getByText(reason).waitFor(timeout);
    return this;
  }

  async reconnecting(): Promise<this> {
    await this.page.getByRole("status").filter({ hasText: "Reconnecting" }).first().waitFor();
    return this;
  }

  /** Waits until no "connecting" or "reconnecting" status is shown; on the other screens none ever is. */
  async connected(): Promise<this> {
    await this.page
      .getByRole("status")
      .filter({ hasText: /connecting/i })
      .waitFor({ state: "detached" });
    return this;
  }

  /** Appends to the shared text. */
  async type(text: string): Promise<void> {
    await this.editor.click();
    await this.page.keyboard.press("ControlOrMeta+End");
    await this.page.keyboard.insertText(text);
  }

  /** The text in the editor, without the names at others' cursors. */
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

  /** Waits until the bar shows this number of people, including oneself. */
  async seesPeople(count: number, timeoutMs?: number): Promise<this> {
    const name = count === 1 ? "1 person here" : `${count} people here`;
    await this.button(name).waitFor(timeoutMs === undefined ? {} : { timeout: timeoutMs });
    return this;
  }

  /** The list of people, one line per person. */
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

  /** Crashes the page's renderer process. */
  async crash(): Promise<void> {
    const session = await this.context.newCDPSession(this.page);
    const crashed = this.page.waitForEvent("crash");
    // This call never resolves.
    session.send("Page.crash").catch(() => undefined);
    await crashed;
  }

  /** Whether any frame from the relay contained this text. Yjs encodes text as plain UTF-8. */
  hasReceived(text: string): boolean {
    return this.framesReceived.some((frame) => frame.includes(text));
  }
}
