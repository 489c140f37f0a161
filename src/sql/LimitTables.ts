/**
 * Where shared limits are kept, and how turns are taken there: functions, so that a turn is one statement that reads the
 * clock only once the row is its own.
 */
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"

/**
 * Times are in milliseconds since 1970, by the database's clock. The table is unlogged: no turn waits for the disk. After a
 * crash of the server it is empty, and all buckets are full.
 */
export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE UNLOGGED TABLE patchbay_limits (
    limiter text NOT NULL,
    algorithm text NOT NULL,
    tokens float8 NOT NULL,
    at float8 NOT NULL,
    PRIMARY KEY (limiter, algorithm)
  ) WITH (fillfactor = 50)`
  // A clock that was set back must not make everyone wait for as long.
  yield* sql`CREATE FUNCTION patchbay_token_bucket(
    name text, take float8, size float8, refill float8, overflow boolean, OUT remaining float8, OUT elapsed float8
  ) LANGUAGE plpgsql AS $$
  DECLARE
    held float8;
    since float8;
    instant float8;
    steps float8;
  BEGIN
    INSERT INTO patchbay_limits AS own VALUES (name, 'token-bucket', size, extract(epoch FROM clock_timestamp()) * 1000)
      ON CONFLICT DO NOTHING;
    SELECT tokens, at INTO STRICT held, since FROM patchbay_limits
      WHERE limiter = name AND algorithm = 'token-bucket' FOR UPDATE;
    instant := extract(epoch FROM clock_timestamp()) * 1000;
    since := least(since, instant);
    steps := floor((instant - since) / refill);
    IF steps > 0 THEN
      held := least(size, held + steps);
      since := since + steps * refill;
    END IF;
    IF held >= size THEN
      held := size;
      since := instant;
    END IF;
    remaining := held - take;
    IF remaining >= 0 OR overflow THEN
      held := remaining;
    END IF;
    elapsed := greatest(0, instant - since);
    UPDATE patchbay_limits SET tokens = held, at = since WHERE limiter = name AND algorithm = 'token-bucket';
  END $$`
  yield* sql`CREATE FUNCTION patchbay_fixed_window(
    name text, take float8, refill float8, most float8, OUT counted float8, OUT ttl float8
  ) LANGUAGE plpgsql AS $$
  DECLARE
    held float8;
    ends float8;
    instant float8;
  BEGIN
    INSERT INTO patchbay_limits AS own VALUES (name, 'fixed-window', 0, 0) ON CONFLICT DO NOTHING;
    SELECT tokens, at INTO STRICT held, ends FROM patchbay_limits
      WHERE limiter = name AND algorithm = 'fixed-window' FOR UPDATE;
    instant := extract(epoch FROM clock_timestamp()) * 1000;
    IF ends <= instant THEN
      held := 0;
      ends := instant;
    END IF;
    counted := held + take;
    IF most IS NULL OR counted <= most THEN
      ends := ends + refill * take;
      IF take <> 0 THEN
        UPDATE patchbay_limits SET tokens = counted, at = ends WHERE limiter = name AND algorithm = 'fixed-window';
      END IF;
    END IF;
    ttl := ends - instant;
  END $$`
})
