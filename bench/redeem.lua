-- Redemptions for wrk, as an outside client of the ledger or of the handler that only parses:
--   KEY=$(jq -r .shopper DIR/api-keys.json) SHOPPERS=10000 OFFERS=100 \
--     wrk -t1 -c256 -d20s -s bench/redeem.lua http://127.0.0.1:8080
-- Every request has an exchange id of its own. What isn't answered 201 is counted and printed.

local key = os.getenv("KEY") or ""
local shoppers = tonumber(os.getenv("SHOPPERS") or "10000")
local offers = tonumber(os.getenv("OFFERS") or "100")
local run = os.getenv("RUN") or tostring(os.time())
local number = 0
local headers = {
  ["Authorization"] = "Bearer " .. key,
  ["Content-Type"] = "application/json",
}
others = 0

function request()
  number = number + 1
  local path = string.format("/v1/accounts/shopper-%d/exchanges/w-%s-%d", math.random(shoppers) - 1, run, number)
  local body = string.format(
    '{"offer_id":"offer-%d","quantity":1,"deliver_to":"1 Elm Street, 12345 Springfield"}',
    math.random(offers) - 1)
  return wrk.format("PUT", path, headers, body)
end

function response(status)
  if status ~= 201 then
    others = others + 1
  end
end

local all = {}

function setup(thread)
  table.insert(all, thread)
end

function done()
  local sum = 0
  for _, thread in ipairs(all) do
    sum = sum + thread:get("others")
  end
  io.write(string.format("answers other than 201: %d\n", sum))
end
