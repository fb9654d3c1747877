"""The table of all requests at server version 176: how each stands on the wire, and what of it is simulated."""

from simulator.gateway.layout import (
    CONTRACT,
    ORDER_ID,
    REQUEST_ID,
    SECURITY_ID,
    VERSION,
    Item,
    Layout,
    Only,
    unset,
    zero,
)
from simulator.gateway.order_layout import ORDER

_MARKET_DATA = (
    VERSION,
    REQUEST_ID,
    *CONTRACT,
    Item("deltaNeutralContract", zero, opens=True),
    Item("genericTickList", unset),
    Item("snapshot"),
    Item("regulatorySnapshot", zero),
    Item("mktDataOptions", unset),
)
_HISTORY = (
    REQUEST_ID,
    *CONTRACT,
    Item("includeExpired"),  # stocks do not expire
    Item("endDateTime"),
    Item("barSizeSetting"),
    Item("durationStr"),
    Item("useRTH", Only("1")),
    Item("whatToShow", Only("TRADES")),
    Item("formatDate", Only("1", "2")),
    Item("keepUpToDate", zero),
    Item("chartOptions", unset),
)
_CONTRACT_DETAILS = (
    *(VERSION, REQUEST_ID, *CONTRACT),
    Item("includeExpired"),
    *SECURITY_ID,
    Item("issuerId", unset),
)
_EXECUTIONS = (
    VERSION,
    REQUEST_ID,
    Item("clientId"),
    Item("acctCode"),
    Item("time"),
    Item("symbol"),
    Item("secType"),
    Item("exchange"),
    Item("side", Only("", "BUY", "SELL", "BOT", "SLD")),
)
_OF_ACCOUNT = (VERSION, REQUEST_ID, Item("account"), Item("modelCode", unset))
_WITHOUT_ID = (VERSION,)
_WITH_ID = (VERSION, REQUEST_ID)
_ID_ONLY = (REQUEST_ID,)

_ANSWERED = {
    1: Layout("reqMktData", _MARKET_DATA),
    2: Layout("cancelMktData", _WITH_ID),
    3: Layout("placeOrder", ORDER),
    4: Layout("cancelOrder", (VERSION, ORDER_ID, Item("manualOrderCancelTime", unset))),
    5: Layout("reqOpenOrders", _WITHOUT_ID),
    6: Layout("reqAccountUpdates", (VERSION, Item("subscribe"), Item("account"))),
    7: Layout("reqExecutions", _EXECUTIONS),
    8: Layout("reqIds", (VERSION, Item("numIds"))),
    9: Layout("reqContractDetails", _CONTRACT_DETAILS),
    14: Layout("setServerLogLevel", (VERSION, Item("logLevel", Only("1", "2", "3", "4", "5")))),
    15: Layout("reqAutoOpenOrders", (VERSION, Item("autoBind"))),
    16: Layout("reqAllOpenOrders", _WITHOUT_ID),
    17: Layout("reqManagedAccts", _WITHOUT_ID),
    20: Layout("reqHistoricalData", _HISTORY),
    24: Layout("reqScannerParameters", _WITHOUT_ID),
    25: Layout("cancelHistoricalData", _WITH_ID),
    49: Layout("reqCurrentTime", _WITHOUT_ID),
    58: Layout("reqGlobalCancel", _WITHOUT_ID),
    59: Layout("reqMarketDataType", (VERSION, Item("marketDataType", Only("1", "2", "3", "4")))),
    61: Layout("reqPositions", _WITHOUT_ID),
    62: Layout("reqAccountSummary", (VERSION, REQUEST_ID, Item("group", Only("All")), Item("tags"))),
    63: Layout("cancelAccountSummary", _WITH_ID),
    64: Layout("cancelPositions", _WITHOUT_ID),
    71: Layout("startApi", (VERSION, Item("clientId"), Item("optionalCapabilities", unset))),
    74: Layout("reqPositionsMulti", _OF_ACCOUNT),
    75: Layout("cancelPositionsMulti", _WITH_ID),
    76: Layout("reqAccountUpdatesMulti", (*_OF_ACCOUNT, Item("ledgerAndNLV", zero))),
    77: Layout("cancelAccountUpdatesMulti", _WITH_ID),
    80: Layout("reqFamilyCodes", ()),
    82: Layout("reqMktDepthExchanges", ()),
    85: Layout("reqNewsProviders", ()),
    99: Layout("reqCompletedOrders", (Item("apiOnly"),)),  # there are no others
}
"""The requests that are answered, by message id."""

_REPLACE_FA = (VERSION, Item("faDataType"), Item("xml"), REQUEST_ID)
_REFUSED: dict[int, tuple[str, tuple[Item, ...]]] = {
    10: ("reqMktDepth", _WITH_ID),
    11: ("cancelMktDepth", _WITH_ID),
    12: ("reqNewsBulletins", _WITHOUT_ID),
    13: ("cancelNewsBulletins", _WITHOUT_ID),
    18: ("requestFA", _WITHOUT_ID),
    19: ("replaceFA", _REPLACE_FA),
    21: ("exerciseOptions", _WITH_ID),
    22: ("reqScannerSubscription", _ID_ONLY),
    23: ("cancelScannerSubscription", _WITH_ID),
    50: ("reqRealTimeBars", _WITH_ID),
    51: ("cancelRealTimeBars", _WITH_ID),
    52: ("reqFundamentalData", _WITH_ID),
    53: ("cancelFundamentalData", _WITH_ID),
    54: ("calculateImpliedVolatility", _WITH_ID),
    55: ("calculateOptionPrice", _WITH_ID),
    56: ("cancelCalculateImpliedVolatility", _WITH_ID),
    57: ("cancelCalculateOptionPrice", _WITH_ID),
    65: ("verifyRequest", _WITHOUT_ID),
    66: ("verifyMessage", _WITHOUT_ID),
    67: ("queryDisplayGroups", _WITH_ID),
    68: ("subscribeToGroupEvents", _WITH_ID),
    69: ("updateDisplayGroup", _WITH_ID),
    70: ("unsubscribeFromGroupEvents", _WITH_ID),
    72: ("verifyAndAuthRequest", _WITHOUT_ID),
    73: ("verifyAndAuthMessage", _WITHOUT_ID),
    78: ("reqSecDefOptParams", _ID_ONLY),
    79: ("reqSoftDollarTiers", _ID_ONLY),
    81: ("reqMatchingSymbols", _ID_ONLY),
    83: ("reqSmartComponents", _ID_ONLY),
    84: ("reqNewsArticle", _ID_ONLY),
    86: ("reqHistoricalNews", _ID_ONLY),
    87: ("reqHeadTimeStamp", _ID_ONLY),
    88: ("reqHistogramData", _ID_ONLY),
    89: ("cancelHistogramData", _ID_ONLY),
    90: ("cancelHeadTimeStamp", _ID_ONLY),
    91: ("reqMarketRule", ()),
    92: ("reqPnL", _ID_ONLY),
    93: ("cancelPnL", _ID_ONLY),
    94: ("reqPnLSingle", _ID_ONLY),
    95: ("cancelPnLSingle", _ID_ONLY),
    96: ("reqHistoricalTicks", _ID_ONLY),
    97: ("reqTickByTickData", _ID_ONLY),
    98: ("cancelTickByTickData", _ID_ONLY),
    100: ("reqWshMetaData", _ID_ONLY),
    101: ("cancelWshMetaData", _ID_ONLY),
    102: ("reqWshEventData", _ID_ONLY),
    103: ("cancelWshEventData", _ID_ONLY),
    104: ("reqUserInfo", _ID_ONLY),
}
"""The API's other requests up to server version 176, with the items as far as the id that the client waits for."""

LAYOUTS = {str(number): layout for number, layout in _ANSWERED.items()} | {
    str(number): Layout(name, items, simulated=False) for number, (name, items) in _REFUSED.items()
}
"""Every request by its message id, as that stands on the wire."""
