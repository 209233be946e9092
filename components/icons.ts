/** The icons: outlines on a grid of 24, in the colour of the text. Screen readers skip them. */
import { svg } from "lit";
import type { TemplateResult } from "lit";

const icon = (path: string): TemplateResult<2> =>
  svg`<svg viewBox="0 0 24 24" aria-hidden="true"><path d=${path}></path></svg>`;

export const dotsIcon = icon("M12 5h.01M12 12h.01M12 19h.01");
export const stopIcon = icon("M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M9 9h6v6H9z");
export const peopleIcon = icon(
  "M9 11a4 4 0 1 0 0-8a4 4 0 0 0 0 8M2 20c0-3 3-5 7-5s7 2 7 5M16 3a4 4 0 0 1 0 8M19 15c2 1 3 3 3 5",
);
/** A door with an arrow out of it; mirrored where text runs from right to left. */
export const doorIcon = icon("M14 4H5v16h9M10 12h11M17 8l4 4l-4 4");
export const arcIcon = icon("M12 3a9 9 0 1 1-9 9");
export const checkIcon = icon("M5 13l4 4L19 7");
export const crossIcon = icon("M6 6l12 12M18 6L6 18");
export const warningIcon = icon("M12 4L2.5 20h19zM12 10v4M12 17h.01");
export const clockIcon = icon("M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M12 7v5l3 2");
