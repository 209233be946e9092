/**
 * Two pages in one: `/` makes sessions; `/?room=<name>#token=<jwt>`, the address in the relay's links, is a classroom.
 * The token is in the fragment, which browsers send to no server.
 */
const room = new URLSearchParams(location.search).get("room");

if (room === null) {
  const { showLanding } = await import("./landing.ts");
  showLanding();
} else {
  const { showClassroom } = await import("./classroom.ts");
  showClassroom(room, new URLSearchParams(location.hash.slice(1)).get("token") ?? "");
}
