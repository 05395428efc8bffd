/** What the documents show is what the engine does. UPDATE=1 writes the shown parts anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { traceQuery } from '../src/session/trace.js'

const TRACE = /<!-- trace: (.*) -->\n```\n([\s\S]*?)```\n<!-- end of trace -->/

test('the trace in ARCHITECTURE.md is what the engine does', async t => {
  const document = readFileSync('ARCHITECTURE.md', 'utf8')
  const [, sql, shown] = TRACE.exec(document) ?? []
  t.truthy(sql)
  const traced = await traceQuery(sql, ['example=test/data/example.csv'])
  if (process.env['UPDATE'] === '1') {
    writeFileSync(
      'ARCHITECTURE.md',
      document.replace(TRACE, () => `<!-- trace: ${sql} -->\n\`\`\`\n${traced}\`\`\`\n<!-- end of trace -->`),
    )
    t.pass()
  } else {
    t.is(shown, traced)
  }
})
