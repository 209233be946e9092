/** What people see on each screen, and where their focus goes. */
import { sendKeys } from "@web/test-runner-commands";
import { RoomError } from "../../src/client/room-state.ts";
import { focused, holds, named, same, textOf, the, until } from "./check.ts";
import { change, screens, settled, show, stateOf } from "./scripted-room.ts";
import type { ScriptedSessionRoom } from "./scripted-room.ts";

const content = () => document.querySelector<HTMLInputElement>("#content")!;

/** Hidden and inert: neither seen nor focused. */
const contentIsGone = (): boolean => {
  content().focus();
  const wrapper = content().assignedSlot!.parentElement!;
  return !content().checkVisibility() && document.activeElement !== content() && wrapper.inert;
};

const headingHasFocus = (element: ScriptedSessionRoom, name: string): Promise<void> =>
  until(() => focused() === the(element, "h2", name));

describe("screens", () => {
  it("[U7] before the start, people wait on a screen that says so and come in by themselves", async () => {
    const element = await show(stateOf(screens.waiting));
    the(element, "h2", "The session has not started yet");
    holds(
      textOf(element).includes("You will come in by yourself when the host starts it."),
      "it says what will happen",
    );
    same(named(element, "button", "Start Session").length, 0);
    holds(contentIsGone(), "the content is hidden and inert");
    await change(element, stateOf(screens.joined));
    holds(content().checkVisibility(), "the content shows");
    content().focus();
    same(document.activeElement?.id, "content");
    same(named(element, "h2", "The session has not started yet").length, 0);
  });

  it("[U4] a host of a room with manual start has Start Session on the waiting screen", async () => {
    const element = await show(stateOf(screens.waitingToStart, "host"));
    the(element, "button", "Start Session").click();
    same(element.client.calls, ["join", "start"]);
    await settled(element);
    same(the(element, "button", "Start Session").getAttribute("aria-disabled"), "true", "busy");
    the(element, "button", "Start Session").click();
    same(element.client.calls, ["join", "start"], "a second press before the answer");
    element.client.answer("start", new RoomError("disconnected", "There is no connection."));
    await until(() => textOf(element).includes("There is no connection."));
    same(the(element, "button", "Start Session").getAttribute("aria-disabled"), "false");
  });

  it("[U1] the left screen replaces the content, which stays in the page", async () => {
    const element = await show(stateOf(screens.joined));
    const field = content();
    field.value = "kept";
    await change(element, stateOf(screens.left));
    the(element, "h2", "You have left the session");
    holds(contentIsGone(), "the content is hidden and inert");
    same([content() === field, field.value], [true, "kept"]);
  });

  it("[U2] Rejoin the session? is a link to this very page, and a plain click rejoins without loading it", async () => {
    const element = await show(stateOf(screens.left));
    const link = the(element, "a", "Rejoin the session?") as HTMLAnchorElement;
    same(link.href, location.href);
    link.click();
    same(element.client.calls, ["join", "rejoin"]);
    element.client.answer("rejoin", new RoomError("refused", "It was refused."));
    await until(() => textOf(element).includes("It was refused."));
    await change(element, stateOf(screens.joined));
    holds(content().checkVisibility(), "the content shows");
  });

  it("[U2] a rejoin is possible before the leave is answered, whose failure is then not shown", async () => {
    const element = await show(stateOf(screens.joined));
    element.leave().catch(() => undefined);
    await change(element, stateOf(screens.left));
    the(element, "a", "Rejoin the session?").click();
    same(element.client.calls, ["join", "leave", "rejoin"]);
    element.client.answer("leave", new RoomError("disconnected", "The connection broke."));
    await settled(element);
    holds(!textOf(element).includes("The connection broke."), "the failure of the leave is not shown");
    same(the(element, "a", "Rejoin the session?").getAttribute("aria-disabled"), "true", "still busy rejoining");
  });

  it("[U5] the ended screen says why", async () => {
    const reasons: [reason: string, name: string | null, words: string][] = [
      ["host-ended", "Ann Lee", "Ann Lee ended the session."],
      ["host-ended", null, "The host ended the session."],
      ["host-ended", "", "The host ended the session."],
      ["host-absent", null, "The host did not return."],
      ["admin", null, "An operator ended the session."],
      ["solar-flare", null, ""],
    ];
    for (const [reason, name, words] of reasons) {
      const end = { at: 1, reason, by: name === null ? null : { id: "a", name } };
      const element = await show(stateOf({ ...screens.ended, end }));
      the(element, "h2", "The session has ended");
      const shown = textOf(element);
      holds(shown.includes(words) && !shown.includes("solar"), `${reason}: ${words}`);
      holds(contentIsGone(), "the content is hidden and inert");
    }
  });

  it("[U4] hosts, and only they, have Start Session on the ended screen", async () => {
    const participant = await show(stateOf(screens.ended));
    same(named(participant, "button", "Start Session").length, 0);
    const host = await show(stateOf({ ...screens.ended, canStart: true }, "host"));
    the(host, "button", "Start Session").click();
    same(host.client.calls, ["join", "start"]);
  });

  it("[U6] once a new run is live, the ended screen offers Rejoin the session?, to hosts instead of Start Session", async () => {
    const element = await show(stateOf({ ...screens.ended, canStart: true }, "host"));
    same(named(element, "a", "Rejoin the session?").length, 0);
    await change(element, stateOf({ ...screens.ended, canRejoin: true }, "host"));
    same(named(element, "button", "Start Session").length, 0);
    the(element, "a", "Rejoin the session?").click();
    same(element.client.calls, ["join", "rejoin"]);
  });

  it("[U8] while reconnecting the content stays, and the bar says so", async () => {
    const element = await show(stateOf(screens.joined));
    same(the(element, "[role=status]", "Connected").textContent.trim(), "Connected");
    await change(element, stateOf(screens.joined, "participant", { connection: "reconnecting" }));
    the(element, "[role=status]", "Reconnecting…");
    holds(content().checkVisibility(), "the content stays");
    await change(element, stateOf(screens.left, "participant", { connection: "reconnecting" }));
    the(element, "[role=status]", "Reconnecting…");
  });

  it("[U3] no screen speaks of minutes or of a time limit", async () => {
    for (const screen of Object.values(screens)) {
      for (const role of ["host", "participant"] as const) {
        const element = await show(stateOf(screen, role));
        holds(!/minute|second|\d+\s*(m|s|min)\b|timer|deadline|time limit/i.test(textOf(element)), screen.name);
      }
    }
  });

  it("no screen names the relay", async () => {
    for (const screen of Object.values(screens)) {
      for (const role of ["host", "participant"] as const) {
        const element = await show(stateOf(screen, role, { connection: "reconnecting" }));
        holds(!/relay/i.test(textOf(element)), screen.name);
      }
    }
  });

  it("a failure says what to do, and never shows markup from a message", async () => {
    const element = await show(stateOf(screens.failed));
    the(element, "h2", "This link does not open the session");
    holds(textOf(element).includes("Ask the host for a new link."), "what to do");
    const error = new RoomError("too-large", "<img src=x onerror=alert(1)> is too large.");
    await change(element, stateOf({ name: "failed", error }));
    holds(textOf(element).includes("<img src=x onerror=alert(1)> is too large."), "text only");
  });

  it("connecting shows progress", async () => {
    const element = await show();
    the(element, "h2", "Connecting to the session…");
    the(element, "progress", "Connecting");
  });

  it("focus moves from hidden content to the new heading, and back to the title, never to the body", async () => {
    const element = await show(stateOf(screens.joined));
    content().focus();
    await change(element, stateOf(screens.ended));
    await headingHasFocus(element, "The session has ended");
    await change(element, stateOf(screens.waiting));
    await headingHasFocus(element, "The session has not started yet");
    await change(element, stateOf(screens.joined));
    await until(() => focused() === the(element, "h1", "algebra"));
  });

  it("focus elsewhere in the page stays there, and the change is announced", async () => {
    const element = await show(stateOf(screens.waiting));
    const outside = document.createElement("input");
    document.body.append(outside);
    outside.focus();
    await sendKeys({ type: "An" });
    await change(element, stateOf(screens.joined));
    await settled(element);
    same(focused() === outside, true, "focus stayed");
    the(element, "[role=status]", "You are in the session.");
    await change(element, stateOf(screens.ended));
    await settled(element);
    same(focused() === outside, true, "focus stayed");
    the(element, "[role=status]", "The session has ended");
  });

  it("joining does not move the focus of a page that has not used the element", async () => {
    const element = await show();
    await change(element, stateOf(screens.joined));
    await settled(element);
    same(document.activeElement === document.body, true);
  });
});
