/** What does not compile: every `@ts-expect-error` that is no error any more fails the build. */
import test from 'ava'
import { col, fn, lit, SessionContext, sql, type DataFrame, type Expr, type Row } from '../../src/index.js'

/** Never called. */
export async function wrongPrograms(ctx: SessionContext, frame: DataFrame): Promise<void> {
  // @ts-expect-error A value has a SQL type.
  lit({})
  // @ts-expect-error Not even in a template.
  frame.filter(sql`a = ${{ a: 1 }}`)
  // @ts-expect-error A condition is an expression or SQL, not a number.
  frame.filter(1)
  // @ts-expect-error A frame is no expression: exists, inSubquery and scalarSubquery make one of it.
  frame.select(frame)
  // @ts-expect-error An order is no value.
  frame.filter(col('a').desc())
  // @ts-expect-error There is no such join.
  frame.join(frame, { on: 'a', how: 'sideways' })
  // @ts-expect-error Parameters are values.
  await ctx.sql('SELECT $1', [col('a')])
  // @ts-expect-error Nor is there such a format.
  frame.toReadable({ format: 'xml' })
  // @ts-expect-error A stream needs its schema.
  ctx.registerStream('s', [])
  // @ts-expect-error Only calls are aggregates.
  col('a').distinct()
}

test('what methods give has a type', t => {
  const sum: Expr = fn.sum(col('a')).distinct().filter(col('b').isNotNull()).alias('s')
  t.is(sum.name, 's')
  const value = (row: Row): bigint | undefined => (typeof row['a'] === 'bigint' ? row['a'] : undefined)
  t.is(value({ a: 1n }), 1n)
})
