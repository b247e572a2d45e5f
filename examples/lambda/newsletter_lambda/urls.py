from django.urls import path

from . import views

urlpatterns = [
    path("", views.show_counts),
    path("subscribe/", views.subscribe),
    path("issues/", views.send_issues),
]
