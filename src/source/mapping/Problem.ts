/** What is wrong with a mapping, and where in it. */

export interface Problem {
  /** From the outside in: `["fields", "phone", "from"]`. */
  readonly path: ReadonlyArray<string | number>
  readonly message: string
}

/** Takes problems down, at a place in the mapping. */
export type Tell = (message: string, ...path: ReadonlyArray<string | number>) => void

/** The same, further inside. */
export const within =
  (tell: Tell, ...outer: ReadonlyArray<string | number>): Tell =>
  (message, ...path) =>
    tell(message, ...outer, ...path)

/** What a value is refused for. It says nothing of the value. */
export class Refused {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}
