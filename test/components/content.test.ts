/** What people see of the document's content: unsaved, refused, set aside, broken. */
import { RoomError } from "../../src/client/room-state.ts";
import type { RoomNotice } from "../../src/client/room-state.ts";
import { all, focused, holds, named, same, textOf, the, until } from "./check.ts";
import { change, screens, settled, show, stateOf } from "./scripted-room.ts";
import type { ScriptedSessionRoom } from "./scripted-room.ts";

const joined = (more: Parameters<typeof stateOf>[2] = {}) => stateOf(screens.joined, "participant", more);
const refused = (count: number): RoomNotice => ({ code: "refused", refusal: "other-author", count });
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const statusOf = (element: ScriptedSessionRoom): string => all(element, "[part=state]")[0]!.textContent.trim();
const noticesOf = (element: ScriptedSessionRoom): string[] =>
  all(element, "[role=alert] .notice p").map((one) => one.textContent);

/** Whether the page asks before it is closed. */
const asks = (): boolean => !dispatchEvent(new Event("beforeunload", { cancelable: true }));

describe("what is unsaved", () => {
  it("[U10] shows in the bar once it lasts, until it is saved", async () => {
    const element = await show(joined());
    for (const unsaved of [true, false, true]) {
      await change(element, joined({ unsaved }));
      await pause(1_600);
      same(statusOf(element), "Connected", "a person who types");
    }
    await until(() => statusOf(element) === "Saving…");
    same(all(element, "[part=state]")[0]!.getAttribute("role"), "status");
    await change(element, joined({ unsaved: false }));
    same(statusOf(element), "Connected");
  });

  it("[U10] [U8] without a connection the bar says so, and promises nothing", async () => {
    const element = await show(joined({ connection: "reconnecting" }));
    same(statusOf(element), "Reconnecting…");
    await change(element, joined({ connection: "reconnecting", unsaved: true }));
    await until(() => statusOf(element) === "Reconnecting… Not saved yet: keep this page open.");
    await change(element, stateOf(screens.left, "participant", { connection: "reconnecting", unsaved: true }));
    same(statusOf(element), "Reconnecting…");
  });

  it("[U10] the bar does not say Saving while nothing can be saved", async () => {
    const element = await show(joined({ unsaved: true, notices: [{ code: "content-set-aside" }] }));
    await until(() => statusOf(element) === "Not saved");
  });

  it("[U10] the page asks before it is closed, and only while something is unsaved", async () => {
    const element = await show(joined());
    holds(!asks(), "nothing is unsaved");
    await change(element, joined({ unsaved: true }));
    holds(asks(), "something is unsaved");
    await change(element, joined());
    holds(!asks(), "it is saved");
    await change(element, joined({ unsaved: true }));
    element.remove();
    await pause(0);
    holds(!asks(), "the element is gone");
  });

  it("[U10] the dialog says that leaving waits for it", async () => {
    const element = await show(joined({ unsaved: true }));
    the(element, "button", "Session menu").click();
    await until(() => named(element, "[role=menuitem]", "Leave Session").length === 1);
    the(element, "[role=menuitem]", "Leave Session").click();
    await until(() => all(element, "dialog[open]").length === 1);
    holds(!textOf(element).includes("Saving what you wrote…"), "before Yes");
    the(element, "button", "Yes").click();
    await until(() => textOf(element).includes("Saving what you wrote…"));
    await change(element, joined());
    holds(!textOf(element).includes("Saving what you wrote…"), "it is saved");
  });

  const error = new RoomError("forbidden", "You may not take part.");
  for (const [name, screen, words] of [
    ["left", screens.left, "Some of what you wrote is not saved yet."],
    ["ended", screens.ended, "Some of what you wrote last is not saved."],
    ["failed", { name: "failed", error }, "Some of what you wrote last is not saved."],
  ] as const) {
    it(`[U10] the ${name} screen says it, and only then`, async () => {
      const element = await show(stateOf(screen, "participant", { unsaved: true }));
      holds(textOf(element).includes(words), "unsaved");
      await change(element, stateOf(screen));
      holds(!textOf(element).includes("not saved"), "saved");
    });
  }

  it("[U10] the left screen says that all is saved", async () => {
    const element = await show(stateOf(screens.left));
    holds(textOf(element).includes("What you wrote is saved."), "saved");
  });
});

describe("notices", () => {
  it("[U11] a refusal says what to do; it is dismissed, and the next one shows again", async () => {
    const element = await show(joined());
    same(noticesOf(element), []);
    await change(element, joined({ notices: [refused(1)] }));
    holds(noticesOf(element)[0]!.includes("Copy it to another place"), "what to do");
    const dismiss = the(element, "button", "Dismiss");
    dismiss.focus();
    dismiss.click();
    await settled(element);
    same(noticesOf(element), []);
    same(focused() === the(element, "h1", "algebra"), true, "focus is at the title");
    await change(element, joined({ notices: [refused(2)] }));
    same(noticesOf(element).length, 1);
  });

  it("[U11] a full document says that deleting makes room, and the notice stays on the left screen", async () => {
    const notices: RoomNotice[] = [{ code: "refused", refusal: "document-full", count: 1 }];
    const element = await show(joined({ notices }));
    holds(noticesOf(element)[0]!.includes("once something is deleted"), "what to do");
    await change(element, stateOf(screens.left, "participant", { notices }));
    same(noticesOf(element).length, 1);
  });

  it("[U12] [W18] a document that is broken or set aside is named as long as it is", async () => {
    const element = await show(joined({ notices: [{ code: "document-broken" }, { code: "content-set-aside" }] }));
    same(noticesOf(element)[0], "This page can no longer show the document. Load the page again.");
    holds(noticesOf(element)[1]!.includes("nothing new is saved"), "set aside");
    same(named(element, "button", "Dismiss").length, 0);
    await change(element, joined());
    same(noticesOf(element), []);
  });

  it("[W18] a document that is nearly full names how full it is", async () => {
    const element = await show(joined({ notices: [{ code: "document-nearly-full", bytes: 93, limit: 100 }] }));
    holds(noticesOf(element)[0]!.includes("(93 %)"), "how full");
  });

  it("[U11] the page gets what was refused, after the element has rendered the notice", async () => {
    const element = await show(joined());
    const update = Uint8Array.of(1, 2);
    const seen: unknown[] = [];
    element.addEventListener(
      "session-room-refused",
      (event) => seen.push(event.code, event.update === update, noticesOf(element).length),
      { once: true },
    );
    element.client.become(joined({ notices: [refused(1)] }));
    element.client.refuse({ code: "other-author", update });
    await settled(element);
    same(seen, ["other-author", true, 1]);
  });
});
