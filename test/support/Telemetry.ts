import { inspect } from "node:util"
import { Cause, Effect, Logger, Tracer } from "effect"

/** Everything that a run says outside its result: spans with attributes, events and exits, and log lines. */
export const record = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const spans: Array<Tracer.NativeSpan> = []
    const lines: Array<string> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    const keep = (line: unknown) => {
      lines.push(typeof line === "string" ? line : inspect(line, { depth: 20 }))
    }
    const loggers = [
      Logger.map(Logger.formatJson, keep),
      Logger.map(Logger.formatLogFmt, keep),
      Logger.map(Logger.formatStructured, keep)
    ]
    const exit = yield* effect.pipe(
      Effect.tapCause((cause) => Effect.logError("failed", cause)),
      Effect.exit,
      Effect.withTracer(tracer),
      Effect.provide(Logger.layer(loggers))
    )
    const cause = exit._tag === "Failure" ? exit.cause : undefined
    const text = [
      ...lines,
      ...spans.map(({ attributes, events, name, status }) =>
        inspect({ name, attributes: [...attributes], events, status }, { depth: 20 })
      ),
      ...(cause === undefined
        ? []
        : [Cause.pretty(cause), String(cause), JSON.stringify(cause), inspect(cause, { depth: 20, showHidden: true })])
    ].join("\n")
    return { exit, spans, lines, text }
  })
