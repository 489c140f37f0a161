/**
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A client, a policy or a run was asked for with options that cannot be used.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidConfiguration extends Schema.TaggedError<InvalidConfiguration>()("InvalidConfiguration", {
  /** The option, as it is written in code or in the environment. Never its value. */
  option: Schema.String,
  /** What is wrong with it, and what to do. */
  problem: Schema.String
}) {
  constructor(props: { readonly option: string; readonly problem: string }, options?: Schema.MakeOptions) {
    super(props, options)
    // The place that found it is in this library, and says nothing of the one that is to be changed.
    Object.defineProperty(this, "stack", { value: `${this.name}: ${this.message}`, enumerable: false })
  }
  override get message(): string {
    return `${this.option}: ${this.problem}`
  }
}
