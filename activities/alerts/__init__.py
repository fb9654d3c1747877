"""How alerts reach people: their words, who is to be told, and the one place that sends."""
