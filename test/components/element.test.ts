/** The interface of `<session-room>`: properties, the promise, events, and a page that goes away and returns. */
import { RoomError } from "../../src/client/room-state.ts";
import { holds, same, textOf, until } from "./check.ts";
import { change, screens, settled, show, stateOf } from "./scripted-room.ts";
import type { ScriptedSessionRoom } from "./scripted-room.ts";

describe("<session-room>", () => {
  it("has document, awareness, provider and state as soon as it is connected", async () => {
    document.body.innerHTML = `<scripted-session-room relay="http://localhost:1" room="algebra" token="t" display-name="Ann"></scripted-session-room>`;
    const element = document.querySelector<ScriptedSessionRoom>("scripted-session-room")!;
    const { client } = element;
    same(
      [
        element.doc === client.doc,
        element.awareness === (client.awareness as unknown),
        element.provider === (client.provider as unknown),
      ],
      [true, true, true],
    );
    same(element.state.screen.name, "connecting");
    same(client.options, { relay: "http://localhost:1", room: "algebra", token: "t", displayName: "Ann" });
    same(client.calls, ["join"]);
    await element.updateComplete;
    same(element.clients.length, 1);
  });

  it("ready resolves with the client or rejects with the reason, and a rejection is never reported as unhandled", async () => {
    const unhandled: unknown[] = [];
    addEventListener("unhandledrejection", (event) => unhandled.push(event.reason));
    const element = await show();
    element.client.becomeReady();
    same((await element.ready) === (element.client as unknown), true);

    const failing = await show();
    failing.client.fail(new RoomError("unauthorized", "No."));
    await settled(failing);
    same(await failing.ready.catch((error: RoomError) => error.code), "unauthorized");

    const bad = await show(undefined, `room="bad"`);
    bad.room = "bad";
    await bad.updateComplete;
    same(await bad.ready.catch((error: RoomError) => error.code), "bad-settings");
    holds(textOf(bad).includes("The room's name is bad."), "the screen says it");
    const unasked = await show();
    unasked.client.fail(new RoomError("unauthorized", "No."));
    await settled(unasked);
    await settled(unasked);
    same(unhandled.length, 0);
  });

  it("another room, relay or token opens another client; the name changes on the present one", async () => {
    const element = await show(stateOf(screens.joined));
    const first = element.client;
    first.becomeReady();
    await element.ready;
    element.displayName = "Bo";
    await element.updateComplete;
    same([first.displayName, element.clients.length, element.getAttribute("display-name")], ["Bo", 1, "Bo"]);
    first.displayName = "Bob";
    element.heading = "Another heading";
    await element.updateComplete;
    same(first.displayName, "Bob", "a name that the page gave the client stays");
    element.setAttribute("room", "geometry");
    await element.updateComplete;
    same([first.calls.at(-1), first.listeners], ["destroy", 0]);
    same([element.client.options.room, element.state.screen.name], ["geometry", "connecting"]);
    let isReady = false;
    void element.ready.then(() => (isReady = true));
    await settled(element);
    same(isReady, false, "the new room has a promise of its own");
    element.token = "t2";
    await element.updateComplete;
    same([element.client.options.token, element.getAttribute("token")], ["t2", "t"], "the token is not reflected");
  });

  it("dispatches typed events that bubble, after it has rendered", async () => {
    const events: unknown[] = [];
    const isShown = () => document.querySelector("#content")!.checkVisibility();
    document.body.addEventListener("session-room-joined", (event) => events.push(["joined", event.run, isShown()]));
    document.body.addEventListener("session-room-left", () => events.push(["left", isShown()]));
    document.body.addEventListener("session-room-ended", (event) =>
      events.push(["ended", event.end.reason, isShown()]),
    );
    document.body.addEventListener("session-room-error", (event) => events.push(["error", event.error.code]));
    const states: string[] = [];
    document.body.addEventListener("session-room-state", (event) => states.push(event.state.screen.name));
    const element = await show();
    await change(element, stateOf(screens.joined));
    await change(element, stateOf(screens.joined, "participant", { connection: "reconnecting" }));
    await change(element, stateOf({ name: "joined", run: 2 }));
    await change(element, stateOf(screens.left));
    await change(element, stateOf(screens.ended));
    await change(element, stateOf(screens.failed));
    same(events, [
      ["joined", 1, true],
      ["joined", 2, true],
      ["left", false],
      ["ended", "host-ended", false],
      ["error", "unauthorized"],
    ]);
    same(states, ["connecting", "joined", "joined", "joined", "left", "ended", "failed"]);
  });

  it("[U9] a hidden page leaves at once and a persisted one comes back", async () => {
    const element = await show(stateOf(screens.joined));
    dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
    dispatchEvent(new PageTransitionEvent("pageshow", { persisted: false }));
    dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    same(element.client.calls, ["join", "suspend", "resume"]);
  });

  it("[U9] a frozen page leaves at once and comes back when it resumes", async () => {
    const element = await show(stateOf(screens.joined));
    document.dispatchEvent(new Event("freeze"));
    document.dispatchEvent(new Event("resume"));
    same(element.client.calls, ["join", "suspend", "resume"]);
  });

  it("stays in the session when it is moved, and releases everything when it is removed", async () => {
    const element = await show(stateOf(screens.joined));
    const { client } = element;
    document.body.append(element);
    await settled(element);
    same([client.calls, element.clients.length], [["join"], 1]);
    element.remove();
    await settled(element);
    same([client.calls, client.listeners, element.doc], [["join", "destroy"], 0, undefined]);
    dispatchEvent(new PageTransitionEvent("pagehide"));
    document.dispatchEvent(new Event("freeze"));
    same(client.calls, ["join", "destroy"]);
    document.body.append(element);
    await until(() => element.clients.length === 2);
  });

  it("shows the heading, or the room's name", async () => {
    const element = await show(stateOf(screens.joined));
    holds(textOf(element).startsWith("algebra"), "the room's name");
    element.heading = "Algebra on Monday";
    await settled(element);
    holds(textOf(element).startsWith("Algebra on Monday"), "the heading");
  });

  it("shows its screen as a CSS state", async () => {
    const element = await show();
    same([element.matches(":state(connecting)"), element.matches(":state(joined)")], [true, false]);
    await change(element, stateOf(screens.joined));
    same([element.matches(":state(connecting)"), element.matches(":state(joined)")], [false, true]);
  });

  it("leave, rejoin, start and end can be called by the page, and reject with the error of a refusal", async () => {
    const element = await show(stateOf(screens.joined, "host"));
    const leaving = element.leave();
    element.client.answer("leave");
    await leaving;
    const ending = element.end();
    element.client.answer("end", new RoomError("refused", "Only hosts may end."));
    same(await ending.catch((error: RoomError) => error.code), "refused");
    same(element.client.calls, ["join", "leave", "end"]);
  });
});
