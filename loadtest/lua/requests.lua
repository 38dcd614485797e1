-- Sends the requests of a table file (its first argument), one after the other and again, and says what came of them.
-- They are written once, at the start: the client must not be what is measured.

local texts = {}
local at = 0

function init(args)
   for place, request in ipairs(dofile(args[1])) do
      texts[place] = wrk.format(request.method, request.path, request.headers, request.body)
   end
end

function request()
   at = at % #texts + 1
   return texts[at]
end

-- `status` counts answers of 400 and more.
function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      "bench %d %d %d %d %d %d\n",
      summary.requests, summary.duration, errors.status,
      errors.connect, errors.read + errors.write, errors.timeout))
end
