"""The console: a web page for people, served beside the API. It uses the API like any other client."""
